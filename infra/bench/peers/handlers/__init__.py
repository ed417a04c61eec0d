"""A search function for each library, which runs in that library's environment."""
