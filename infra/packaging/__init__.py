"""From hashed requirements to a zip for Lambda: download, unpack, trim, compile, compress. No Docker, no compiler."""
