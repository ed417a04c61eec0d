"""A search function for each peer. They run in the peers' environments, where nothing of this project is."""
