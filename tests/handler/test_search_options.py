"""Every option of a search, by every way to ask: URL, body, batch and command line."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from handler.search.request import SearchRequest
from tests.command_line import Run, run
from tests.library import Library

__all__ = ["run"]

# For each option, a value that changes the answer.
VALUES: dict[str, Any] = {
    "query": "botanist",
    "k": 2,
    "offset": 1,
    "mode": "keyword",
    "filter": {"year": {"$gte": 1990}},
    "sort": "-year",
    "facets": ["genres", "year"],
    "typing": True,
    "rerank": 0,
    "verbatim": True,
    "fields": ["id", "score", "metadata.year"],
    "explain": True,
    "highlight": True,
    "facet_values": 1,
    "facet_query": "myst",
    "total": True,
    "semantic_ratio": 1.0,
    "min_score": 1.0,
    "distinct": "in_print",
    "diversity": 1.0,
    "collapse": True,
    "rank": {"field": "year", "scale": "linear", "weight": 0.9},
    "vector": [1.0, *([0.5] * 31)],
}
# What an option needs beside it to change the answer.
BESIDE: dict[str, dict[str, Any]] = {
    "facet_values": {"facets": ["genres"]},
    "facet_query": {"facets": ["genres"]},
    "min_score": {"mode": "semantic"},
}
# No two books of the library are nearly the same.
CHANGE_NOTHING_HERE = {"collapse", "rerank"}
PLAIN = {"query": "a baot on the coas"}


def as_text(value: Any) -> str:
    """Return a value as a URL and a command have it."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


def test_the_table_has_every_option() -> None:
    assert VALUES.keys() == SearchRequest.model_fields.keys()


@pytest.mark.parametrize("name", VALUES)
def test_an_option_means_the_same_by_every_way(
    client: TestClient, library: Library, run: Run, name: str
) -> None:
    plain = PLAIN | BESIDE.get(name, {})
    options = plain | {name: VALUES[name]}
    posted = client.post("/search", json=options).json()
    assert posted != client.post("/search", json=plain).json() or name in CHANGE_NOTHING_HERE
    parameters = {("q" if key == "query" else key): as_text(options[key]) for key in options}
    assert client.get("/search", params=parameters).json() == posted
    batch = client.post("/search/batch", json={"queries": [options]}).json()
    assert batch["results"] == [posted]
    given = [each for each in options if each != "query"]
    arguments = [text for each in given for text in command_line(each, options[each])]
    where = ("--store", library.store, "--model", library.model, "--json")
    outcome = run("search", options["query"], *where, *arguments)
    assert json.loads(outcome.out) == posted


def command_line(name: str, value: Any) -> list[str]:
    option = f"--{name.replace('_', '-')}"
    return [option] if value is True else [option, as_text(value)]


def test_the_description_has_every_option(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    parameters = {each["name"]: each for each in document["paths"]["/search"]["get"]["parameters"]}
    schemas = document["components"]["schemas"]
    body = schemas["SearchRequest"]["properties"]
    assert body.keys() == SearchRequest.model_fields.keys()
    assert schemas["BatchRequest"]["properties"]["queries"]["items"] == {
        "$ref": "#/components/schemas/SearchRequest"
    }
    for name, field in SearchRequest.model_fields.items():
        assert body[name]["description"] == field.description
        assert ("q" if name == "query" else name) in parameters
