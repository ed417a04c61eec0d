"""Engines that encode a corpus on other machines, see handler/reindex/encode.py."""
