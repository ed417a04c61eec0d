"""Places: the forms they are written in, filters by radius and box, and order by distance."""

from typing import Any

import numpy as np
import pytest

from handler.corpus.flatten import flatten
from handler.encoder import Encoder
from handler.errors import InvalidRequest
from handler.index.index_version import IndexVersion
from handler.search.places import Place, place_fields, strips
from handler.search.request import SearchRequest
from handler.search.searcher import Searcher
from tests.handler.indexes import build, document, schema_of

COUNT = 400
CENTRES = [Place(48.86, 2.29), Place(-17.7, 179.99), Place(89.5, 10.0), Place(-90.0, 0.0)]
RADII = [0.0, 900.0, 250_000.0, 3_000_000.0, 9_500_000.0, 12_000_000.0, 19_900_000.0, 3e7]


def scattered() -> tuple[list[float], list[float]]:
    random = np.random.default_rng(5)
    lat = np.degrees(np.arcsin(random.uniform(-1, 1, COUNT)))
    lon = random.uniform(-180, 180, COUNT)
    for at, centre in enumerate(CENTRES):  # some are close together
        lat[at * 20 : at * 20 + 20] = np.clip(centre.lat + random.normal(0, 1, 20), -90, 90)
        lon[at * 20 : at * 20 + 20] = centre.lon + random.normal(0, 0.005, 20)
    return lat.tolist(), ((lon + 180) % 360 - 180).tolist()


LAT, LON = scattered()


@pytest.fixture(scope="module")
def index(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> IndexVersion:
    shops = [document(n, "shop", lat=LAT[n], lon=LON[n]) for n in range(COUNT)]
    return build(
        tmp_path_factory.mktemp("places") / "v", [*shops, document("none", "shop")], encoder
    )


@pytest.fixture(scope="module")
def searcher(encoder: Encoder) -> Searcher:
    return Searcher(encoder)


def found(searcher: Searcher, index: IndexVersion, **options: Any) -> list[str]:
    answer = searcher.search(index, SearchRequest(k=COUNT + 1, **options))
    return [hit.document.id for hit in answer.hits]


def metres(centre: Place) -> Any:
    return centre.metres(np.array(LAT), np.array(LON))


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("centre", CENTRES)
def test_a_radius_is_exact(
    searcher: Searcher, index: IndexVersion, centre: Place, radius: float
) -> None:
    near = {"lat": centre.lat, "lon": centre.lon, "radius": radius}
    expected = {str(n) for n in np.flatnonzero(metres(centre) <= radius)}
    assert set(found(searcher, index, filter={"location": {"$near": near}})) == expected


def test_hits_tell_their_distance(searcher: Searcher, index: IndexVersion) -> None:
    near = {"lat": 48.86, "lng": 2.29, "radius": 500_000}
    answer = searcher.search(index, SearchRequest(filter={"location": {"$near": near}}, k=5))
    for hit in answer.hits:
        assert hit.distance == pytest.approx(metres(CENTRES[0])[int(hit.document.id)], abs=0.1)
    paris, london = Place(48.8566, 2.3522), Place(51.5074, -0.1278)
    [distance] = paris.metres(np.array([london.lat]), np.array([london.lon]))
    assert distance == pytest.approx(343_556, abs=500)


@pytest.mark.parametrize("centre", CENTRES)
def test_the_nearest_come_first(searcher: Searcher, index: IndexVersion, centre: Place) -> None:
    away = metres(centre)
    order = [str(n) for n in np.argsort(away, kind="stable")]
    sort = f"location({centre.lat}, {centre.lon})"
    assert found(searcher, index, sort=sort) == [*order, "none"]
    *farthest, last = found(searcher, index, sort=f"-{sort}")
    assert last == "none"
    assert (np.diff([away[int(n)] for n in farthest]) <= 1).all()
    assert len(set(farthest)) == COUNT
    first = searcher.search(index, SearchRequest(query="shop", mode="keyword", sort=sort, k=3))
    assert [hit.document.id for hit in first.hits] == order[:3]


def test_a_box_may_cross_the_date_line(searcher: Searcher, index: IndexVersion) -> None:
    box = {"north": 0, "south": -40, "west": 170, "east": -170}
    inside = [-40 <= lat <= 0 and abs(lon) >= 170 for lat, lon in zip(LAT, LON, strict=True)]
    expected = {str(n) for n in np.flatnonzero(inside)}
    assert len(expected) >= 20
    assert set(found(searcher, index, filter={"location": {"$box": box}})) == expected
    outside = {"$not": {"location": {"$box": box}}}
    assert len(found(searcher, index, filter=outside)) == COUNT + 1 - len(expected)


def test_strips_cover_a_circle_and_little_more() -> None:
    outer, inner = strips(CENTRES[0], 10_000)

    def area(boxes: list[tuple[float, float, float, float]]) -> float:
        return sum((north - south) * (east - west) for south, north, west, east in boxes)

    assert area(inner) < area(outer) < 1.15 * area(inner)


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"lat": 1.5, "lon": 2}, "location"),
        ({"Latitude": 1.5, "Longitude": 2}, "location"),
        ({"latitude": 1.5, "lng": 2}, "location"),
        ({"shop": {"lat": 1.5, "long": 2}}, "shop"),
        ({"location": "1.5,2"}, "location"),
        ({"geo": "+1.5; 2.0"}, "geo"),
        ({"point": {"type": "Point", "coordinates": [2, 1.5]}}, "point"),
        ({"geometry": {"type": "Point", "coordinates": [2.0, 1.5, 30]}}, "geometry"),
    ],
)
def test_forms_of_a_place(record: dict[str, Any], name: str) -> None:
    flat: dict[str, Any] = {**flatten(record, lambda *_: None)}
    [(found_name, field)] = place_fields(schema_of([document(1, "", **flat)])).items()
    assert found_name == name
    assert field.of(document(1, "", **flat)) == Place(1.5, 2.0)


@pytest.mark.parametrize(
    "record",
    [
        {"lat": "north", "lon": "west"},
        {"lat": 1},
        {"price": "1.5,2"},
        {"location": "91.0,2"},
        {"location": "Paris"},
        {"area": {"type": "Polygon", "coordinates": [[1, 2]]}},
        {"lat": [1.0, 2.0], "lon": [1.0, 2.0]},
    ],
)
def test_what_is_no_place(record: dict[str, Any]) -> None:
    flat: dict[str, Any] = {**flatten(record, lambda *_: None)}
    assert place_fields(schema_of([document(1, "", **flat)])) == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filter": {"shop": {"$near": {"lat": 1, "lon": 1, "radius": 1}}}}, "places: location"),
        ({"filter": {"location": {"$near": [1, 2]}}}, "the radius in metres"),
        ({"filter": {"location": {"$near": {"lat": 1, "lon": 1}}}}, "the radius in metres"),
        ({"filter": {"location": {"$near": {"lat": 91, "lon": 1, "radius": 1}}}}, "-90 to 90"),
        ({"filter": {"location": {"$near": {"lat": "a", "lon": 1, "radius": 1}}}}, "lat of"),
        ({"filter": {"location": {"$near": {"lat": 1, "lon": 1, "radius": -1}}}}, "radius of"),
        ({"filter": {"location": {"$box": {"north": 1}}}}, "north, south, east, west"),
        (
            {"filter": {"location": {"$box": {"north": 1, "south": 2, "east": 1, "west": 0}}}},
            "above its north",
        ),
        ({"sort": "location(95, 1)"}, "lat of 'location' is 95"),
        ({"sort": "shop(5, 1)"}, "'shop' is no place"),
    ],
)
def test_what_is_wrong_is_said(
    searcher: Searcher, index: IndexVersion, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        searcher.search(index, SearchRequest(query="shop", mode="keyword", **options))
