"""Lance on object storage: https://lance.org."""
