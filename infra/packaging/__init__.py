"""From hashed requirements to a zip for Lambda: download, unpack, trim, compile, compress.

Neither Docker nor a compiler is needed.
"""
