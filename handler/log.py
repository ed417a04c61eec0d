"""Structured log: one JSON object to a line on standard output, as CloudWatch reads it."""

import sys
import time
from typing import Any

from pydantic_core import to_json


def log(event: str, **fields: Any) -> None:
    """Write one line that names the event and its fields."""
    sys.stdout.write(to_json({"event": event, **fields}, fallback=str).decode() + "\n")
    sys.stdout.flush()


def metric(event: str, values: dict[str, float], unit: str, **fields: Any) -> None:
    """Write a line from which CloudWatch also takes `values`, in its embedded metric format.

    Source: AWS, CloudWatch embedded metric format specification.
    """
    directive = {
        "Namespace": "querytower",
        "Dimensions": [[]],
        "Metrics": [{"Name": name, "Unit": unit} for name in values],
    }
    log(event, **fields, **values, _aws={"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]})
