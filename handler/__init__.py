"""Everything that runs inside the function: encode, search, serve, load, reindex."""
