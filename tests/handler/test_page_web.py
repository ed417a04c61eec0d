"""What the page shows of the web around it: pictures, previews, sitemap, and other indexes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from handler.page.page_state import PageState
from handler.settings import SettingError, Settings
from tests.handler.test_page import Elements, _client, get, titles
from tests.library import BOOKS, Library, add_index, library  # noqa: F401

LOC = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"


@pytest.fixture
def client(request: pytest.FixtureRequest, library: Library) -> Iterator[TestClient]:  # noqa: F811
    yield from _client(library.settings(**request.param))


def metas(page: Elements) -> dict[str, str]:
    return {have["property"]: have["content"] for have in page.all("meta") if "property" in have}


@pytest.mark.parametrize("client", [{"page_indexes": "default, films"}], indirect=True)
def test_indexes_can_be_switched(client: TestClient) -> None:
    page = get(client, "/?q=tides&index=films")
    assert "Tides, the film" in page.text
    assert [have["value"] for have in page.all("option")][:2] == ["", "films"]
    assert page.all("option", value="films")[0]["selected"] == ""
    assert "?index=films&like=tides%2F1&q=tides" not in page.links()
    assert "?index=films&q=tides&like=tides%2F1" in page.links()
    assert "Tides, the film" in get(client, "/?index=films&like=tides%2F1").text
    assert "Tides, the film" not in get(client, "/?q=tides").text
    assert "Tides, the film" not in get(client, "/?q=tides&index=secret").text
    answer = client.get("/?index=films&lucky=1", follow_redirects=False)
    assert answer.headers["location"] == "?index=films&like=tides%2F1"


@pytest.mark.parametrize("client", [{}], indirect=True)
def test_only_what_is_offered_can_be_switched_to(client: TestClient) -> None:
    page = get(client, "/?q=tides&index=films")
    assert "Tides, the film" not in page.text
    assert not page.all("select", name="index")
    assert client.get("/sitemap.xml").status_code == 404
    assert not page.all("link", rel="canonical")


@pytest.mark.parametrize(
    "client",
    [{"page_url": "https://books.example/find", "page_sitemap": 4, "page_title": 'The "shelf"'}],
    indirect=True,
)
def test_others_are_told_address_and_preview(client: TestClient) -> None:
    page = get(client, "/?q=mystery&like=tides/1&mode=keyword")
    address = "https://books.example/find/?like=tides%2F1"
    assert page.all("link", rel="canonical") == [{"rel": "canonical", "href": address}]
    told = metas(page)
    assert told["og:url"] == address
    assert told["og:title"] == "Tides"
    assert told["og:site_name"] == 'The "shelf"'
    assert told["og:description"].startswith("A slow mystery in a small town")
    assert "og:image" not in told
    assert metas(get(client, "/"))["og:url"] == "https://books.example/find/"

    answer = client.get("/sitemap.xml")
    assert answer.headers["content-type"].startswith("application/xml")
    found = [each.text or "" for each in ElementTree.fromstring(answer.content).iter(LOC)]
    assert found[0] == "https://books.example/find/"
    assert found[1:] == [
        "https://books.example/find/" + PageState(like=book["id"]).link() for book in BOOKS[:4]
    ]


def test_a_sitemap_fits_the_answer(library: Library) -> None:  # noqa: F811
    settings = library.settings(
        page_url="https://" + "x" * 2000 + ".example", page_sitemap=9, max_answer_bytes=10_000
    )
    for client in _client(settings):
        assert client.get("/sitemap.xml").text.count("<loc>") == 2


COVERS: dict[str, Any] = {
    "good": 'https://covers.example/a.jpg?x=1&y="2',
    "port": "https://covers.example:444/a.jpg",
    "plain": "http://covers.example/a.jpg",
    "other": "https://evil.example/a.jpg",
    "user": "https://covers.example@evil.example/a.jpg",
    "script": "javascript:alert(1)",
    "list": ["https://covers.example/a.jpg"],
    "local": "http://127.0.0.1:8000/a.jpg",
}


def test_pictures_come_from_allowed_hosts_alone(tiny_model_dir: Path, tmp_path: Path) -> None:
    records = [
        {"id": key, "text": f"tide {key}", "title": key, "cover": url}
        for key, url in COVERS.items()
        if key != "list"
    ]
    add_index(tmp_path / "store", tiny_model_dir, records, tmp_path)
    settings = Settings.from_mapping(
        {
            "QUERYTOWER_STORE": str(tmp_path / "store"),
            "QUERYTOWER_MODEL": str(tiny_model_dir),
            "QUERYTOWER_PAGE_IMAGE_FIELD": "cover",
            "QUERYTOWER_PAGE_IMAGE_HOSTS": "Covers.example, http://127.0.0.1:8000",
        }
    )
    for client in _client(settings):
        answer = client.get("/?q=tide")
        page = Elements(answer.text)
        assert len(titles(page)) == len(records)
        assert {have["src"] for have in page.all("img")} == {COVERS["good"], COVERS["local"]}
        assert all(
            have["loading"] == "lazy" and have["width"] and have["height"] and have["alt"] == ""
            for have in page.all("img")
        )
        assert "cover: " not in page.text
        policy = answer.headers["content-security-policy"]
        assert "img-src 'self' data: http://127.0.0.1:8000 https://covers.example;" in policy
        assert metas(get(client, "/?like=good"))["og:image"] == COVERS["good"]
        assert not re.search(r"<img", client.get("/?like=other").text.split("alike")[0])


@pytest.mark.parametrize("hosts", ["a b", "x.example; script-src *", "https://a.example/path", "*"])
def test_hosts_are_hosts(hosts: str) -> None:
    with pytest.raises(SettingError, match="QUERYTOWER_PAGE_IMAGE_HOSTS"):
        Settings.from_mapping({"QUERYTOWER_PAGE_IMAGE_HOSTS": hosts})
