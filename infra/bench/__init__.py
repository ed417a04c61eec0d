"""Measurements, printed as ratios to a baseline of the same run. Nothing here is a test."""

import sys
from importlib.util import find_spec

# A benchmark is started by hand, perhaps with another Python than the project's.
if find_spec("typer") is None:
    sys.exit(
        "the benchmarks need the project's environment; "
        "run: make install, then the same command with .venv/bin/python"
    )
