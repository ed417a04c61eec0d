"""Structured log: one JSON object to a line on standard output, as CloudWatch reads it."""

import json
import sys
from typing import Any


def log(event: str, **fields: Any) -> None:
    """Write one line that names the event and its fields."""
    sys.stdout.write(json.dumps({"event": event, **fields}, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()
