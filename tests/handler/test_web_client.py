"""Where a corpus URL leads: redirects, addresses, time, and what is told of URLs."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from handler.corpus.http_source import WebCorpus
from handler.corpus.sources import open_corpus
from handler.corpus.web_client import WebRules, redirect_problem
from handler.errors import CorpusError, StoreError
from handler.settings import Settings
from handler.storage.store import Store
from handler.urls import shown_url

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nwords\n"
HEAD = b"HTTP/1.1 200 OK\r\n"

Send = Callable[[bytes], None]


class RawServer:
    """Answers each connection with bytes, or with a function that is given the way to send them."""

    def __init__(self) -> None:
        self.answers: list[bytes | Callable[[Send], None]] = []
        self.requests: list[bytes] = []
        self.ended = Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/corpus.jsonl"
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection, suppress(OSError):
                    self.requests.append(connection.recv(65536))
                    answer = self.answers.pop(0) if self.answers else OK
                    if callable(answer):
                        answer(connection.sendall)
                    else:
                        connection.sendall(answer)

    def close(self) -> None:
        self.ended.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)

    def drip(self, start: bytes) -> Callable[[Send], None]:
        """Return an answer that begins with `start` and goes on for ever, a letter at a time."""

        def answer(send: Send) -> None:
            send(start)
            while not self.ended.wait(0.01):
                send(b"x")

        return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    found = RawServer()
    yield found
    found.close()


def redirect(to: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


def fetch(url: str, tmp_path: Path, **settings: str) -> bytes:
    names = {f"QUERYTOWER_{name.upper()}": value for name, value in settings.items()}
    corpus = open_corpus(url, Settings.from_mapping(names))
    (item,) = corpus.objects({}, tmp_path)
    with corpus.opened(item, tmp_path) as file:
        return file.read_bytes()


@pytest.mark.parametrize(
    ("origin", "target", "problem"),
    [
        ("https://a.org/x", "https://a.org/y", ""),
        ("http://a.org/x", "https://a.org/x", ""),
        ("https://a.org/x", "https://cdn.org/y", ""),
        ("https://a.org/x", "https://CDN.org:8443/y", ""),
        ("https://a.org/x", "http://a.org/x", "from https to http"),
        ("https://a.org/x", "https://b.org/x", "another host, b.org; .*QUERYTOWER_CORPUS_HOSTS"),
        ("https://a.org/x", "https://a.org@b.org/x", "user name"),
        ("https://a.org/x", "https://a.org.b.org/x", "another host, a.org.b.org"),
        ("https://a.org/x", "https://b.org\\@a.org/x", "user name"),
    ],
)
def test_where_redirects_may_lead(origin: str, target: str, problem: str) -> None:
    found = redirect_problem(origin, target, {"a.org", "cdn.org"})
    assert bool(found) == bool(problem)
    if problem:
        with pytest.raises(CorpusError, match=problem):
            raise CorpusError(found)


def test_a_redirect_to_the_same_host_is_followed(server: RawServer, tmp_path: Path) -> None:
    server.answers = [redirect("/elsewhere.jsonl"), redirect(server.url)]
    assert fetch(server.url, tmp_path) == b"words\n"
    assert b"GET /elsewhere.jsonl" in server.requests[1]


def test_a_redirect_to_another_host_needs_a_setting(server: RawServer, tmp_path: Path) -> None:
    other = f"http://localhost:{server.port}/b.jsonl"
    server.answers = [redirect(other)]
    with pytest.raises(CorpusError, match=r"another host, localhost; .*QUERYTOWER_CORPUS_HOSTS"):
        fetch(server.url, tmp_path)
    assert len(server.requests) == 1
    server.answers = [redirect(other)]
    assert fetch(server.url, tmp_path, corpus_hosts="example.org, LOCALHOST") == b"words\n"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_redirect_leads_from_the_web_to_this_machine(
    server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    # The proxy stands for the web, of which only its own host is reached directly.
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
    server.answers = [redirect(f"http://{host}:{server.port}/latest/meta-data.jsonl")]
    with pytest.raises(CorpusError, match=f"not public \\({host}\\)"):
        fetch("http://elsewhere.example/a.jsonl", tmp_path, corpus_hosts=host)
    assert [request.split()[1] for request in server.requests if request] == [
        b"http://elsewhere.example/a.jsonl"
    ]


def test_the_body_of_a_redirect_is_not_read(server: RawServer, tmp_path: Path) -> None:
    endless = server.drip(b"HTTP/1.1 302 Found\r\nLocation: /b.jsonl\r\n\r\n")

    def answer(send: Send) -> None:
        with suppress(OSError):
            endless(send)

    server.answers = [answer]
    assert fetch(server.url, tmp_path, corpus_timeout="20") == b"words\n"


@pytest.mark.parametrize(
    "start",
    [b"", HEAD + b"A: ", HEAD + b"\r\n", HEAD + b"Content-Length: 1000000\r\n\r\n"],
    ids=["status", "headers", "body without length", "body"],
)
def test_a_server_that_drips_is_left_when_time_is_up(
    server: RawServer, tmp_path: Path, start: bytes
) -> None:
    server.answers = [server.drip(start)] * 3
    corpus = WebCorpus.open(server.url, WebRules(seconds=0.3))
    with pytest.raises(CorpusError, match=r"within 0.3 s; raise QUERYTOWER_CORPUS_TIMEOUT"):
        corpus.objects({}, tmp_path)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 404 secret\r\n\r\n", "the server answers 404; check"),
        (b"secret secret secret\r\n\r\n", r"the answer is not HTTP \(BadStatusLine\)"),
        (HEAD + b"Content-Length: 99\r\n\r\nsecret", "broke off in the middle"),
        (b"", "broke off in the middle"),
        (HEAD + b"secret: x\r\n" * 200 + b"\r\n", r"not HTTP \(HTTPException\)"),
    ],
)
def test_answers_of_servers_are_not_repeated(
    server: RawServer, tmp_path: Path, answer: bytes, problem: str
) -> None:
    server.answers = [answer] * 3
    corpus = WebCorpus(address=server.url, name="corpus.jsonl", pause=0.0)
    with pytest.raises(CorpusError, match=problem) as caught:
        corpus.objects({}, tmp_path)
    assert "secret" not in str(caught.value)


def test_a_length_that_is_no_number(server: RawServer, tmp_path: Path) -> None:
    server.answers = [HEAD + b"Content-Length: many\r\n\r\nwords\n"]
    assert fetch(server.url, tmp_path) == b"words\n"


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret@host/a.jsonl",
        "https://user:sec/ret@host/a.jsonl?sig=secret",
        "https://host/a.jsonl?sig=secret key",
        "https://host/é.jsonl?sig=secret",
        "https://[host/a.jsonl?sig=secret",
        "https://host:port/a.jsonl?sig=secret",
        "https:/user:secret@host/a.jsonl",
        "https://host/a.png?sig=secret",
        "s3://key:secret@bucket/a",
        "s3://key:sec/ret@bucket/a",
        "s3://bucket/a?token=secret",
        "ftp://key:secret@bucket/a",
        "ftp://bucket/a?secret",
        "s3:key:secret@bucket",
        "s3://[bucket?secret",
    ],
)
def test_messages_about_urls_tell_no_secrets(url: str) -> None:
    for opening in (open_corpus, Store.open):
        with pytest.raises((CorpusError, StoreError)) as caught:
            opening(url)
        assert "secret" not in str(caught.value)
        assert "sec/ret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("folder/a b.jsonl?x", "folder/a b.jsonl?x"),
        ("https://host:8443/a.jsonl?sig=1#x", "https://host:8443/a.jsonl"),
        ("https://me:word@host/a@b.jsonl", "https://host/a@b.jsonl"),
        ("https://me:wo/rd@host/a", "https://…"),
        ("https:/me:word@host/a", "https:…"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("s3://bucket/folder/a.jsonl", "s3://bucket/folder/a.jsonl"),
        ("file:///x/y", "file:///x/y"),
        ("file:/x/y", "file:/x/y"),
        ("https://host/a\nb?c", "https://host/a?b"),
        ("memory://", "memory://"),
        ("", ""),
    ],
)
def test_a_url_as_people_see_it(url: str, shown: str) -> None:
    assert shown_url(url) == shown
