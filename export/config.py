"""A configuration file of a model: each field is checked when it is read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.json_files import read_object
from handler.errors import ModelError

MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Config:
    """The fields of a JSON file such as config.json, and its path for messages.

    Every getter raises ModelError where a field is missing and has no default, or is not what the
    getter returns. A field that is null is not missing: null is no number.
    """

    path: Path
    values: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Config":
        """Read a file; an absent one has no fields.

        Raises:
            ModelError: the file can't be read, or holds no JSON object.
        """
        return cls(path, read_object(path))

    def whole(self, name: str, default: int | None = None, *, least: int = 1) -> int:
        """Return a whole number from `least` to 2**31 - 1."""
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST:
            raise self.wrong(name, f"a whole number of at least {least}")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """Return a finite number of at least 0."""
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(name, "a number")
        if not 0 <= value < math.inf:
            raise self.wrong(name, "a number of at least 0")
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        """Return true or false."""
        value = self._get(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string."""
        value = self._get(name, default)
        if not isinstance(value, str):
            raise self.wrong(name, "a string")
        return value

    def object(self, name: str) -> Mapping[str, Any]:
        """Return an object; one that is absent or null is empty."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return value or {}

    def wrong(self, name: str, wanted: str) -> ModelError:
        """Return the error that says what the field `name` should be."""
        found = repr(self.values[name])
        shown = found if len(found) <= 60 else f"{found[:60]}…"
        return ModelError(
            f"{self.path}: {name} is {shown}, should be {wanted}; correct it or fetch the model again"
        )

    def _get(self, name: str, default: Any) -> Any:
        if name in self.values:
            return self.values[name]
        if default is None:
            raise ModelError(
                f"{self.path} has no {name}; this is not a model that can be converted, "
                "see: querytower export --list"
            )
        return default
