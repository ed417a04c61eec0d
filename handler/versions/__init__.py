"""Stored versions of an index: published, followed, listed, rolled back, pruned."""
