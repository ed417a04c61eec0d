"""From files to documents, their metadata and passages."""
