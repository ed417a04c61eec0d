"""What an index version consists of: written, opened, published, kept current."""
