"""A run that makes a new version of an index from its corpus."""
