"""From documents as people write them to their plain text, title, sections and metadata."""
