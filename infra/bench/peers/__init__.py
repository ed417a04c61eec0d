"""Other ways to put the same model behind a function, each as one would deploy it: code, dependencies and model."""
