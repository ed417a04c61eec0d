"""Tests of what runs beyond one machine. Its libraries live in .venv-beyond, see `make beyond`."""

from importlib.util import find_spec

# `make test` runs these tests in that environment; any other lacks Ray.
collect_ignore_glob = [] if find_spec("ray") else ["test_ray*.py"]
