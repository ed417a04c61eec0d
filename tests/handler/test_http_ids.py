"""Every id that an index may hold is reached over HTTP, whatever a path would make of it."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.service import Service
from handler.settings import Settings
from tests.library import add_index

IDS = [
    "plain", "x", "x/similar", "similar", "a\nb", "\r\n", " at the ends ", "..", "../x", "/", "//",
    "%2F", "?id=x", "#", "a&b=c", "\x00", "\t", "\u2028", "é 東京", "x" * 512,
]  # fmt: skip


@pytest.fixture(scope="module")
def odd(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Return the application over documents of odd ids."""
    folder = tmp_path_factory.mktemp("ids")
    documents = [{"id": key, "text": f"Text {at}."} for at, key in enumerate(IDS)]
    manifest = add_index(folder / "store", tiny_model_dir, documents, folder)
    settings = Settings(store=str(folder / "store"), model=str(tiny_model_dir))
    service = Service.open(settings)
    with TestClient(create_app(settings, lambda: service)) as client:
        hits = client.get("/search?q=text&k=100").json()["hits"]
        assert len(hits) == manifest.documents == len(IDS)
        yield client


def test_every_id_is_reached(odd: TestClient) -> None:
    for hit in odd.get("/search?q=text&k=100").json()["hits"]:
        key = quote(hit["id"], safe="")
        document = odd.get(f"/documents?id={key}")
        assert (document.status_code, document.json()["id"]) == (200, hit["id"])
        assert document.json()["text"] == hit["text"]
        similar = odd.get(f"/similar?id={key}&k=100").json()
        assert similar["id"] == hit["id"]
        assert hit["id"] not in [each["id"] for each in similar["hits"]]
        page = odd.get(f"/?like={key}")
        assert (page.status_code, hit["text"] in page.text) == (200, True)


def test_a_missing_id_says_so(odd: TestClient) -> None:
    for path in ("/documents?id=nope", "/similar?id=nope"):
        answer = odd.get(path)
        assert answer.status_code == 404
        assert answer.json()["detail"] == "index 'default' has no document with id 'nope'"
