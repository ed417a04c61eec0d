"""Places: fields of latitude and longitude, filters by radius and box, and order by distance.

A place is a pair of metadata fields of numbers, so an index holds nothing else for it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from handler.corpus.document import Document
from handler.corpus.schema import Field, Schema
from handler.errors import InvalidRequest
from handler.index.arrays import Floats, Rows, are_among
from handler.index.engine import Condition, Engine
from handler.search.answer import Hit

LATITUDES = ("lat", "latitude")
LONGITUDES = ("lon", "lng", "long", "longitude")
# What a place is called of which only latitude and longitude are given.
UNNAMED = "location"
EARTH_METRES = 6_371_008.8
# Half of the equator, beyond which nothing lies.
MOST_METRES = np.pi * EARTH_METRES
# A circle is looked up in so many strips; only documents at its edge are measured.
STRIPS = 48
FIRST_METRES = 1_000.0
WIDER = 4
NUMBER = r"-?\d{1,3}(?:\.\d{1,20})?"
SORT = re.compile(rf"(?P<name>.+)\(\s*(?P<lat>{NUMBER})\s*,\s*(?P<lon>{NUMBER})\s*\)")
HINT = '{"$near": {"lat": 48.86, "lon": 2.29, "radius": 5000}}, the radius in metres'
SIDES = ("north", "south", "east", "west")


@dataclass(frozen=True, slots=True)
class PlaceField:
    """A pair of fields that hold the latitude and the longitude of a document, in degrees."""

    latitude: str
    longitude: str

    def of(self, document: Document) -> "Place | None":
        """Return the place of a document, or None if it has none."""
        lat = document.metadata.get(self.latitude)
        lon = document.metadata.get(self.longitude)
        if isinstance(lat, int | float) and isinstance(lon, int | float):
            return Place(float(lat), float(lon))
        return None


@dataclass(frozen=True, slots=True)
class Place:
    """Latitude and longitude in degrees."""

    lat: float
    lon: float

    def opposite(self) -> "Place":
        """Return the place on the other side of the Earth."""
        return Place(-self.lat, self.lon - 180 if self.lon > 0 else self.lon + 180)

    def metres(self, lat: Floats, lon: Floats) -> Floats:
        """Return the distances to other places, shape (n,): those of great circles on a sphere."""
        here, there = np.radians(self.lat), np.radians(lat)
        half = np.sin((there - here) / 2) ** 2
        across = np.sin(np.radians(lon - self.lon) / 2) ** 2
        root = np.sqrt(np.clip(half + np.cos(here) * np.cos(there) * across, 0.0, 1.0))
        return np.asarray(2 * EARTH_METRES * np.arcsin(root), np.float64)


# South, north, west and east side, in degrees.
Box = tuple[float, float, float, float]


def place_fields(schema: Schema) -> dict[str, PlaceField]:
    """Return the places that documents of a schema have, by name.

    `lat` and `lon` are the place `location`, and `shop.lat` and `shop.lng` the place `shop`.
    """

    def numbers(name: str) -> bool:
        field = schema.get(name, Field("text", False, 0))
        return field.kind in ("integer", "float") and not field.list

    found: dict[str, PlaceField] = {}
    for latitude in filter(numbers, schema):
        prefix, _, last = latitude.rpartition(".")
        if last.lower() in LATITUDES:
            start = f"{prefix}." if prefix else ""
            known = {name.lower(): name for name in schema}
            longitudes = (known.get(f"{start}{last}".lower(), "") for last in LONGITUDES)
            longitude = next(filter(numbers, longitudes), "")
            if longitude:
                found.setdefault(prefix or UNNAMED, PlaceField(latitude, longitude))
    return found


def known_place(schema: Schema, name: str) -> PlaceField:
    """Return the fields of a place.

    Raises:
        InvalidRequest: the index has no such place.
    """
    places = place_fields(schema)
    if name not in places:
        known = ", ".join(places) or "none; documents need lat and lon"
        raise InvalidRequest(f"{name!r} is no place of this index; places: {known}")
    return places[name]


def read_circle(name: str, value: object) -> tuple[Place, float]:
    """Return centre and radius, in metres, of `{"lat": 48.86, "lon": 2.29, "radius": 5000}`.

    Raises:
        InvalidRequest: something is missing, or out of range.
    """
    given = dict(value) if isinstance(value, Mapping) else {}
    if "lng" in given:
        given["lon"] = given.pop("lng")
    if set(given) != {"lat", "lon", "radius"}:
        raise InvalidRequest(f"$near on {name!r} is {value!r}; write it as {HINT}")
    radius = _number(name, "radius", given["radius"], 0.0, 1e9)
    return _place(name, given["lat"], given["lon"]), radius


def read_box(name: str, value: object) -> list[Box]:
    """Return the boxes, two if one crosses the date line, of `{"north": …, "south": …, …}`.

    Raises:
        InvalidRequest: a side is missing or out of range.
    """
    if not isinstance(value, Mapping) or set(value) != set(SIDES):
        raise InvalidRequest(
            f"$box on {name!r} is {value!r}; give it {', '.join(SIDES)} in degrees"
        )
    north = _number(name, "north", value["north"], -90, 90)
    south = _number(name, "south", value["south"], -90, 90)
    east = _number(name, "east", value["east"], -180, 180)
    west = _number(name, "west", value["west"], -180, 180)
    if south > north:
        raise InvalidRequest(f"$box on {name!r} has its south, {south}, above its north, {north}")
    sides = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    return [(south, north, *side) for side in sides]


def _place(name: str, lat: object, lon: object) -> Place:
    return Place(_number(name, "lat", lat, -90, 90), _number(name, "lon", lon, -180, 180))


def _number(name: str, what: str, value: object, least: float, most: float) -> float:
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits or not least <= value <= most:  # type: ignore[operator]
        raise InvalidRequest(
            f"{what} of {name!r} is {value!r}; it must be a number, {least:g} to {most:g}"
        )
    return float(value)  # type: ignore[arg-type]


def strips(centre: Place, radius: float) -> tuple[list[Box], list[Box]]:
    """Return boxes that cover a circle, and boxes that lie in it.

    `radius` is in metres, up to a quarter of the equator.
    """
    reach = np.degrees(radius / EARTH_METRES)
    edges = np.clip(np.linspace(centre.lat - reach, centre.lat + reach, STRIPS + 1), -90, 90)
    outer, inner = [], []
    for south, north in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if south == north:
            continue
        near = min(max(_widest(centre.lat, reach), south), north)
        halves = [_half_width(centre, radius, lat) for lat in (south, north, near)]
        outer += _around(south, north, centre.lon, max(halves) * 1.000001 + 1e-9)
        if (least := min(halves[:2])) > 0:
            inner += _around(south, north, centre.lon, least * 0.999999)
    return outer, inner


def _widest(lat: float, reach: float) -> float:
    """Return the latitude at which a circle is widest, in degrees of longitude."""
    sine = np.sin(np.radians(lat)) / max(np.cos(np.radians(reach)), 1e-12)
    return float(np.degrees(np.arcsin(np.clip(sine, -1, 1))))


def _half_width(centre: Place, radius: float, lat: float) -> float:
    """Return how many degrees of longitude a circle reaches to each side at a latitude."""
    here, there = np.radians(centre.lat), np.radians(lat)
    below = np.cos(here) * np.cos(there)
    across = np.sin(min(radius / EARTH_METRES, np.pi) / 2) ** 2 - np.sin((there - here) / 2) ** 2
    if across < 0:
        return 0.0
    if across >= below:
        return 180.0
    return float(np.degrees(2 * np.arcsin(np.sqrt(across / below))))


def _around(south: float, north: float, lon: float, half: float) -> list[Box]:
    if half >= 180:
        return [(south, north, -180.0, 180.0)]
    west, east = lon - half, lon + half
    if west < -180:
        return [(south, north, -180.0, east), (south, north, west + 360, 180.0)]
    if east > 180:
        return [(south, north, west, 180.0), (south, north, -180.0, east - 360)]
    return [(south, north, west, east)]


def distances(index: Engine, field: PlaceField, rows: Rows, centre: Place) -> Floats:
    """Return the distance of each document, in metres, shape (rows,); nan for those without."""
    lat, lon = index.numbers(field.latitude, rows), index.numbers(field.longitude, rows)
    return centre.metres(lat, lon)


def by_distance(
    index: Engine,
    field: PlaceField,
    centre: Place,
    matched: Condition,
    depth: int,
    within: Callable[[PlaceField, Place, float], Condition],
) -> Rows:
    """Return the `depth` documents nearest to a place, nearest first, those without one last.

    `within` makes the condition for a circle. Circles are widened until they hold enough.
    """
    radius = FIRST_METRES
    while True:
        inside = index.conditions.all_of([matched, within(field, centre, radius)])
        count = index.count(inside)
        if count >= depth or radius >= MOST_METRES:
            break
        radius *= WIDER
    rows = index.rows_matching(inside, count) if count else np.empty(0, np.int64)
    rows = rows[np.lexsort((rows, distances(index, field, rows, centre)))]
    if len(rows) < depth:
        others = index.rows_matching(matched, depth + len(rows))
        rows = np.concatenate([rows, others[~are_among(others, rows)]])
    return rows[:depth]


def read_sort(sort: str) -> tuple[str, Place, bool] | None:
    """Return name, place and whether the farthest come first, of `location(48.86, 2.29)`.

    None is returned for the name of a field.

    Raises:
        InvalidRequest: a coordinate is out of range.
    """
    match = SORT.fullmatch(sort.removeprefix("-"))
    if match is None:
        return None
    name = match["name"]
    return name, _place(name, float(match["lat"]), float(match["lon"])), sort.startswith("-")


def asked_place(index: Engine, sort: str, condition: object) -> tuple[PlaceField, Place] | None:
    """Return the place that hits tell their distance from: the sort's, or that of a $near."""
    schema = index.manifest.schema
    if asked := read_sort(sort):
        return known_place(schema, asked[0]), asked[1]
    for name, circle in _circles(condition):
        return known_place(schema, name), read_circle(name, circle)[0]
    return None


def with_distances(index: Engine, hits: Sequence[Hit], sort: str, condition: object) -> list[Hit]:
    """Return the hits with their distance, in metres, from the place that was asked for, if one was."""
    asked = asked_place(index, sort, condition)
    if asked is None:
        return list(hits)
    field, centre = asked
    placed = []
    for hit in hits:
        here = field.of(hit.document)
        metres = None
        if here is not None:
            metres = round(float(centre.metres(np.array([here.lat]), np.array([here.lon]))[0]), 1)
        placed.append(replace(hit, distance=metres))
    return placed


def _circles(condition: object) -> list[tuple[str, object]]:
    """Return all $near of a filter, with the names of their fields."""
    if isinstance(condition, list):
        return [found for part in condition for found in _circles(part)]
    if not isinstance(condition, Mapping):
        return []
    found = []
    for name, value in condition.items():
        if isinstance(value, Mapping) and "$near" in value:
            found.append((name, value["$near"]))
        else:
            found += _circles(value)
    return found
