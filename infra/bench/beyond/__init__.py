"""Benchmarks of the engines for what one machine does not hold; run them in .venv-beyond."""
