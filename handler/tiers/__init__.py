"""What else than the files in the function an index can be served from."""
