"""Engines live in .venv-beyond, which `make beyond` makes."""

from importlib.util import find_spec

from tests.library import library

__all__ = ["library"]

# `make test` runs these tests in that environment; any other lacks the engines.
collect_ignore_glob = [] if find_spec("lance") else ["test_*.py"]
