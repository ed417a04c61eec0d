"""Readers of files: one small module for each kind. `registry.py` lists them and picks one by content.

A reader is a module with `NAME`, `DOCUMENTS`, `matches` and `read`; `registry.Reader` says what each is.
"""
