"""Places in records, in the forms that people write them: all become latitude and longitude."""

import re
from collections.abc import Mapping
from typing import Any

# Names of fields that hold a place as text: "48.86, 2.29".
NAMES = re.compile(
    r"(?:^|[^a-z])(?:geo|gps|location|loc|coordinates?|coords?|position|lat_?l(?:on|ng))", re.I
)
PAIR = re.compile(r"\s*([-+]?\d{1,2}(?:\.\d+)?)\s*[,; ]\s*([-+]?\d{1,3}(?:\.\d+)?)\s*", re.ASCII)

Coordinates = tuple[float, float]


def of_text(name: str, text: str) -> Coordinates | None:
    """Return latitude and longitude of a text such as "48.86,2.29" in a field named like a place."""
    if len(text) > 60 or not NAMES.search(name):
        return None
    match = PAIR.fullmatch(text)
    return _valid(float(match[1]), float(match[2])) if match else None


def of_geojson(value: Mapping[Any, Any]) -> Coordinates | None:
    """Return latitude and longitude of a GeoJSON point, which has its longitude first."""
    pair = value.get("coordinates")
    if value.get("type") != "Point" or not isinstance(pair, list) or len(pair) < 2:
        return None
    if not all(type(number) in (int, float) for number in pair[:2]):
        return None
    return _valid(float(pair[1]), float(pair[0]))


def _valid(latitude: float, longitude: float) -> Coordinates | None:
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None
