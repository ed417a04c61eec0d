"""The search page, rendered on the server and enlivened by its script."""
