"""Other libraries behind a function with the same model, each as one would deploy it."""
