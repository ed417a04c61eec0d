"""The log: one JSON object per line on standard output, which CloudWatch reads."""

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
    """Write a line from which CloudWatch also reads `values` as metrics, one series per function.

    The format is AWS's embedded metric format; `unit` is one of its units.
    """
    name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    function = {"FunctionName": name} if name else {}
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
