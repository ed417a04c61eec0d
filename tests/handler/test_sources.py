"""Corpora as objects: a path, object storage, HTTP; and corpora that change while they are read."""

import gzip
import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

import pytest

from handler.corpus.bounds import Bounds
from handler.corpus.http_source import WebCorpus
from handler.corpus.sources import Corpus, LocalCorpus, StoreCorpus, open_corpus
from handler.encoder import Encoder
from handler.errors import CorpusChanged, CorpusError, StoreError
from handler.index.manifest import IndexFiles
from handler.storage.store import Store
from tests.handler.reindexing import Counting, Place, lines, record
from tests.s3 import S3Server, call, environment, free_port
from tests.stored_paths import PATHS


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in environment(s3_server.url).items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3_server.create_bucket()}"


def paths(corpus: Corpus, scratch: Path) -> list[str]:
    return [each.path for each in corpus.objects({}, scratch)]


def test_what_a_url_opens(bucket: str) -> None:
    assert open_corpus("folder/a.jsonl") == LocalCorpus(Path("folder/a.jsonl"))
    assert open_corpus("file:///x%20y/a.csv") == LocalCorpus(Path("/x y/a.csv"))
    assert isinstance(open_corpus("https://host/a.jsonl"), WebCorpus)
    whole, single = open_corpus(f"{bucket}/corpus/"), open_corpus(f"{bucket}/corpus/a.jsonl.gz")
    assert isinstance(whole, StoreCorpus)
    assert isinstance(single, StoreCorpus)
    assert (whole.url, whole.only) == (f"{bucket}/corpus", "")
    assert (single.url, single.only) == (f"{bucket}/corpus/a.jsonl.gz", "a.jsonl.gz")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "no corpus is named; set QUERYTOWER_CORPUS"),
        ("https://user:secret@host/a.jsonl", "names a host, has no password"),
        ("https:///a.jsonl", "names a host"),
        (
            "https://host/list.png?format=jsonl",
            "https://host/list.png ends like a file of another kind",
        ),
        ("ftp://host/a.jsonl", "is not a store"),
    ],
)
def test_what_no_url_of_a_corpus_is(url: str, problem: str) -> None:
    with pytest.raises((CorpusError, StoreError), match=problem) as caught:
        open_corpus(url)
    assert "secret" not in str(caught.value)


def test_a_folder_and_a_prefix_hold_the_same_objects_in_the_same_order(
    bucket: str, tmp_path: Path
) -> None:
    names = ["b/1.jsonl", "a.csv", "b-2.md", "b/.hidden/x.jsonl", ".x.jsonl", "a.png", "c.jsonl.gz"]
    store = Store.open(f"{bucket}/corpus")
    for name in names:
        (tmp_path / "corpus" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "corpus" / name).write_bytes(b"x")
        store.put(name, b"x")
    expected = ["a.csv", "b-2.md", "b/1.jsonl", "c.jsonl.gz"]
    assert paths(open_corpus(str(tmp_path / "corpus")), tmp_path) == expected
    assert paths(open_corpus(f"{bucket}/corpus"), tmp_path) == expected
    assert paths(open_corpus(f"{bucket}/corpus/b/1.jsonl"), tmp_path) == ["1.jsonl"]


@pytest.mark.parametrize("path", ["missing", "missing/a.jsonl", "b.png"])
def test_where_nothing_is(bucket: str, tmp_path: Path, path: str) -> None:
    Store.open(bucket).put("b.png", b"x")
    (tmp_path / "b.png").write_bytes(b"x")
    for url in (f"{bucket}/{path}", str(tmp_path / path)):
        with pytest.raises(CorpusError, match=path):
            open_corpus(url).objects({}, tmp_path)


def test_kinds_of_objects_end_in_one_index(encoder: Encoder, bucket: str, tmp_path: Path) -> None:
    from pyarrow import Table, parquet

    store = Store.open(f"{bucket}/corpus")
    store.put("a.jsonl.gz", gzip.compress(lines([record("gz")]).encode()))
    store.put("b.csv", b"id,text,year\ncsv,words here,1999\n")
    store.put("c.md", b"# A page\n\nwith words")
    parquet.write_table(Table.from_pylist([record("parquet")]), tmp_path / "d.parquet")
    store.put("d.parquet", tmp_path / "d.parquet")
    place = Place(tmp_path, Counting(encoder))
    place.run(corpus=open_corpus(store.url))
    index = place.current()
    assert [index.document(row).id for row in range(4)] == ["gz", "csv", "c.md", "parquet"]
    assert index.document(1).metadata == {"year": 1999}


@pytest.mark.parametrize("kind", ["local", "store"])
def test_an_object_replaced_or_removed_while_it_is_read(
    bucket: str, tmp_path: Path, kind: str
) -> None:
    store = Store.open(bucket if kind == "store" else str(tmp_path / "corpus"))
    store.put("a.jsonl", b"1")
    store.put("b.jsonl", b"1")
    corpus = open_corpus(store.url)
    a, b = corpus.objects({}, tmp_path)
    store.put("a.jsonl", b"2")
    store.delete(["b.jsonl"])
    for item in (a, b):
        with (
            pytest.raises(CorpusChanged, match=f"{item.path}.* while it was read"),
            corpus.opened(item, tmp_path),
        ):
            pass


def test_a_file_that_grows_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("1")
    corpus = open_corpus(str(path))
    (item,) = corpus.objects({}, tmp_path)
    with (
        pytest.raises(CorpusChanged),
        corpus.opened(item, tmp_path) as file,
        file.open("a") as growing,
    ):
        growing.write("2")


def test_a_copy_is_gone_after_reading(bucket: str, tmp_path: Path) -> None:
    Store.open(bucket).put("a.jsonl", b"words")
    corpus = open_corpus(bucket)
    (item,) = corpus.objects({}, tmp_path)
    with corpus.opened(item, tmp_path) as file:
        assert file.read_bytes() == b"words"
    assert [*tmp_path.iterdir()] == []


# HTTP


class Site:
    """A server with one file, whose answers can be spoilt."""

    def __init__(self) -> None:
        self.body = b""
        self.etag: str | None = '"1"'
        self.broken: list[str] = []
        self.seen: list[tuple[str, int]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/data/corpus.jsonl"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        fault = self.broken.pop(0) if self.broken else ""
        status = 200
        if fault.isdecimal() or fault.startswith("to "):
            status = int(fault) if fault.isdecimal() else 302
        elif self.etag and request.headers.get("If-None-Match") == self.etag:
            status = 304
        self.seen.append((request.path, status))
        request.send_response(status)
        if fault.startswith("to "):
            request.send_header("Location", fault[3:])
        if self.etag:
            request.send_header("ETag", self.etag)
        body = b"" if status == 304 else self.body
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: len(body) // 2] if fault == "short" else body)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("no_proxy", raising=False)
    site = Site()
    Thread(target=site.server.serve_forever, args=(0.02,), daemon=True).start()
    site.body = lines([record(f"d{n}") for n in range(5)]).encode()
    yield site
    site.server.shutdown()
    site.server.server_close()


def web(site: Site, **changes: Any) -> WebCorpus:
    return WebCorpus(**{"address": site.url, "name": "corpus.jsonl", "pause": 0.0, **changes})


def test_a_file_on_the_web_is_fetched_once_while_it_stays_the_same(
    encoder: Encoder, site: Site, tmp_path: Path
) -> None:
    place = Place(tmp_path, Counting(encoder))
    assert place.run(corpus=web(site)).encoded == 5
    assert place.run(corpus=web(site)).kind == "unchanged"
    assert [status for _, status in site.seen] == [200, 304]
    site.body, site.etag = lines([record(f"d{n}") for n in range(6)]).encode(), '"2"'
    assert place.run(corpus=web(site)).encoded == 1
    assert place.run(corpus=web(site), full=True).encoded == 6


def test_a_server_without_etags(encoder: Encoder, site: Site, tmp_path: Path) -> None:
    site.etag = None
    place = Place(tmp_path, Counting(encoder))
    place.run(corpus=web(site))
    assert place.run(corpus=web(site)).kind == "unchanged"


def test_an_unchanged_file_is_fetched_all_the_same_where_the_old_version_is_damaged(
    encoder: Encoder, site: Site, tmp_path: Path
) -> None:
    place = Place(tmp_path, Counting(encoder))
    place.run(corpus=web(site))
    corpus = web(site)
    (item,) = corpus.objects({"corpus.jsonl": '"1"'}, tmp_path)
    with corpus.opened(item, tmp_path) as file:
        assert file.read_bytes() == site.body


@pytest.mark.parametrize("fault", ["500", "503", "429", "short"])
def test_passing_faults_are_overcome(site: Site, tmp_path: Path, fault: str) -> None:
    site.broken = [fault, fault]
    (item,) = web(site).objects({}, tmp_path)
    assert item.size == len(site.body)


@pytest.mark.parametrize(
    ("faults", "requests", "problem"),
    [
        (["500"] * 3, 3, "answers 500"),
        (["404"], 1, "answers 404"),
        (["short"] * 3, 3, "broke off in the middle"),
    ],
)
def test_lasting_faults_are_named(
    site: Site, tmp_path: Path, faults: list[str], requests: int, problem: str
) -> None:
    site.broken = faults
    with pytest.raises(CorpusError, match=rf"{site.url} can't be read: .*({problem})"):
        web(site).objects({}, tmp_path)
    assert len(site.seen) == requests


def test_what_is_too_large_is_refused_announced_or_not(site: Site, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="are more than 100"):
        web(site, bounds=Bounds(object_bytes=100)).objects({}, tmp_path)


def test_nobody_there(tmp_path: Path) -> None:
    corpus = WebCorpus(
        address=f"http://127.0.0.1:{free_port()}/corpus.jsonl", name="corpus.jsonl", pause=0.0
    )
    with pytest.raises(CorpusError, match="Connection refused"):
        corpus.objects({}, tmp_path)


def test_a_redirect_leads_to_no_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "secret.jsonl").write_text("secret")
    site.broken = [f"to {(tmp_path / 'secret.jsonl').as_uri()}"]
    with pytest.raises(CorpusError, match="can't be read: the server answers 302"):
        web(site).objects({}, tmp_path)


def test_the_query_of_a_signed_url_is_nowhere_to_be_read(
    encoder: Encoder, site: Site, tmp_path: Path
) -> None:
    signed = open_corpus(f"{site.url}?X-Signature=secret")
    place = Place(tmp_path, Counting(encoder))
    place.run(corpus=signed)
    assert site.seen[0][0].endswith("?X-Signature=secret")
    files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert not any(b"X-Signature" in path.read_bytes() for path in files)
    site.broken = ["404"]
    with pytest.raises(CorpusError) as caught:
        place.run(corpus=signed)
    assert "secret" not in str(caught.value)
    assert "secret" not in json.dumps(place.told)


def test_proxies_of_the_environment_are_respected(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.lower() in ("no_proxy", "http_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("http_proxy", site.url.removesuffix("/data/corpus.jsonl"))
    WebCorpus(
        address="http://elsewhere.example/corpus.jsonl", name="corpus.jsonl", pause=0.0
    ).objects({}, tmp_path)
    assert site.seen == [("http://elsewhere.example/corpus.jsonl", 200)]


# Keys of a bucket that are no paths, as S3 writes them in URLs.
ODD_KEYS = ["d//e.jsonl", "b%09c.jsonl", "b%5Cc.jsonl", "/e.jsonl", "p%0Aq.jsonl"]
FINE_KEYS = ["a.jsonl", "x%20y+z.jsonl", "q%25r.jsonl", "%C3%A9.jsonl"]


@pytest.mark.parametrize("odd", [*ODD_KEYS, ""])
def test_keys_that_are_no_paths_are_named_and_the_rest_is_indexed(
    encoder: Encoder, s3_server: S3Server, bucket: str, tmp_path: Path, odd: str
) -> None:
    keys = [*FINE_KEYS, odd] if odd else FINE_KEYS + ODD_KEYS
    for number, key in enumerate(keys):
        body = lines([record(f"d{number}")]).encode()
        call("PUT", f"{s3_server.url}/{bucket.removeprefix('s3://')}/corpus/{key}", body)
    call("PUT", f"{s3_server.url}/{bucket.removeprefix('s3://')}/corpus/folder/", b"")
    place = Place(tmp_path, Counting(encoder))
    place.run(corpus=open_corpus(f"{bucket}/corpus"))
    assert place.current().manifest.documents == len(FINE_KEYS)
    rejects = place.store.get(f"{PATHS.version(place.version())}/{IndexFiles.REJECTS}")[0]
    found = {json.loads(line)["source"]: json.loads(line) for line in rejects.splitlines()}
    assert {*found} == {unquote(key) for key in keys[len(FINE_KEYS) :]}
    assert all("rename the object" in each["reason"] for each in found.values())
    assert place.run(corpus=open_corpus(f"{bucket}/corpus")).kind == "unchanged"


def test_an_odd_key_beside_an_index_hurts_nobody(
    encoder: Encoder, s3_server: S3Server, bucket: str, tmp_path: Path
) -> None:
    place = Place(tmp_path, Counting(encoder), f"{bucket}/store")
    place.write("a.jsonl", [record("a")])
    place.run()
    call("PUT", f"{s3_server.url}/{bucket.removeprefix('s3://')}/store/indexes//x%09y", b"")
    place.write("b.jsonl", [record("b")])
    assert place.run().kind == "published"
    assert len(place.repository.versions()) == 2


def test_a_long_listing_with_an_odd_key_comes_in_pages(s3_server: S3Server, bucket: str) -> None:
    store = Store.open(f"{bucket}/many")
    for number in range(1005):
        store.put(f"{number:04}", b"x")
    url = f"{s3_server.url}/{bucket.removeprefix('s3://')}/many//odd"
    call("PUT", url, b"x")
    assert [each.path for each in store.list()] == [f"{number:04}" for number in range(1005)]
    assert store.list(unreachable=True)[0].path == "/odd"
    call("DELETE", url)
    whole = store.list()
    call("PUT", url, b"x")
    assert store.list() == whole
