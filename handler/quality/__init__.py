"""Whether a new version is good enough: gates, golden queries, drift, comparison."""
