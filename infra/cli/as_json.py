"""Results of commands as JSON, for programs."""

import json
from dataclasses import asdict, is_dataclass
from typing import Any


def print_json(value: Any) -> None:
    """Print `value` on standard output; a dataclass becomes an object of its fields."""
    content = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    print(json.dumps(content, indent=2, ensure_ascii=False, default=str))
