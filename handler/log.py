"""Structured log: one JSON object to a line on standard output, as CloudWatch reads it."""

import os
import sys
import time
from typing import Any

from pydantic_core import to_json


def log(event: str, **fields: Any) -> None:
    """Write one line that names the event and its fields."""
    sys.stdout.write(to_json({"event": event, **fields}, fallback=str).decode() + "\n")
    sys.stdout.flush()


def metric(event: str, values: dict[str, float], unit: str, **fields: Any) -> None:
    """Write a line from which CloudWatch also takes `values`, in its embedded metric format, for each function.

    Source: AWS, CloudWatch embedded metric format specification.
    """
    function = (
        {"FunctionName": name} if (name := os.environ.get("AWS_LAMBDA_FUNCTION_NAME")) else {}
    )
    directive = {
        "Namespace": "querytower",
        "Dimensions": [[*function]],
        "Metrics": [{"Name": name, "Unit": unit} for name in values],
    }
    log(
        event,
        **fields,
        **function,
        **values,
        _aws={"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
    )
