"""JSON files of a model folder, read with one-sentence errors."""

import json
from pathlib import Path
from typing import Any

from handler.errors import ModelError


def read_json(path: Path) -> Any:
    """Parse a JSON file; return None if there is none.

    Raises:
        ModelError: the file can't be read, or isn't JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except RecursionError as cause:
        raise ModelError(
            f"cannot read {path}: it is nested too deep; fetch the model again"
        ) from cause
    except (ValueError, OSError) as cause:
        raise ModelError(f"cannot read {path}: {cause}; fetch the model again") from cause


def read_object(path: Path) -> dict[str, Any]:
    """Parse a JSON file that holds an object; an absent file is an empty object.

    Raises:
        ModelError: the file can't be read, or holds something else.
    """
    value = read_json(path)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ModelError(
            f"{path} should hold a JSON object, not a {type(value).__name__}; fetch the model again"
        )
    return value
