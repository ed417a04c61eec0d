"""GET /documents: all documents page by page, several by their ids; POST /similar."""

from itertools import chain
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.library import BOOKS

IDS = [book["id"] for book in BOOKS]


def pages(client: TestClient, **parameters: Any) -> list[list[str]]:
    """Return the ids on each page of a listing."""
    found = []
    while True:
        body = client.get("/documents", params=parameters).json()
        found.append([each["id"] for each in body["documents"]])
        if "next" not in body:
            return found
        parameters["after"] = body["next"]


def test_all_documents_come_once_in_their_order(client: TestClient) -> None:
    assert pages(client) == [IDS]
    found = pages(client, k=4)
    assert [len(page) for page in found] == [4, 2]
    assert list(chain(*found)) == IDS


def test_a_listing_is_filtered(client: TestClient) -> None:
    found = pages(client, k=1, genres="mystery")
    assert list(chain(*found)) == ["the-lighthouse", "tides/1"]
    found = pages(client, filter='{"year": {"$gte": 2000}}')
    assert found == [[book["id"] for book in BOOKS if book.get("year", 0) >= 2000]]


def test_documents_are_whole_or_have_the_fields_asked_for(client: TestClient) -> None:
    [whole] = [
        b for b in client.get("/documents").json()["documents"] if b["id"] == "the-lighthouse"
    ]
    assert whole["text"] == BOOKS[1]["text"]
    assert whole["metadata"]["year"] == 1990
    body = client.get("/documents", params={"fields": "id,metadata.year"}).json()
    assert body["documents"][0] == {"id": IDS[0], "metadata": {"year": 1969}}


def test_several_by_their_ids(client: TestClient) -> None:
    body = client.get("/documents", params={"ids": "tides/1,nobody,bare"}).json()
    assert [each["id"] for each in body["documents"]] == ["tides/1", "bare"]
    assert "next" not in body
    assert client.get("/documents", params={"id": "bare"}).json()["id"] == "bare"


@pytest.mark.parametrize(
    ("parameters", "status", "detail"),
    [
        ({"after": "x"}, 422, "after is 'x'; give what the last answer had"),
        ({"after": "20200101T000000000-abcdef.3"}, 410, "start the listing again"),
        ({"k": 0}, 422, "k is 0"),
        ({"fields": "colour"}, 422, "fields has 'colour'"),
        ({"shelf": "a"}, 422, "'shelf' is no field"),
    ],
)
def test_listings_that_can_not_be(
    client: TestClient, parameters: dict[str, Any], status: int, detail: str
) -> None:
    answer = client.get("/documents", params=parameters)
    assert answer.status_code == status
    assert detail in answer.json()["detail"]


def test_similar_to_several(client: TestClient) -> None:
    body = client.post("/similar", json={"like": ["tides/1"], "unlike": ["bare"], "k": 3}).json()
    assert len(body["hits"]) == 3
    assert not {"tides/1", "bare"} & {hit["id"] for hit in body["hits"]}
    assert client.post("/similar", json={"like": ["nobody"]}).status_code == 404
    assert client.post("/similar", json={"like": []}).status_code == 422
    assert client.post("/similar", json={"like": ["bare"], "k": 1000}).status_code == 422
