"""What the log tells of searches: which succeed, which fail, and what people did with them."""
