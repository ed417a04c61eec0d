"""Model to ONNX bundle. Runs on a laptop or in CI, never inside the function."""
