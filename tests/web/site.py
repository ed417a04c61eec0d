"""The application behind a real server, over an index made for the browser's tests."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from handler.app import create_app
from handler.service import Service
from handler.settings import Settings
from infra.cli.demo_setup import CORPUS, PAGE
from infra.cli.server import listen
from tests.handler.test_page import HOSTILE_RECORDS

ARABIC = {
    "id": "rtl",
    "title": "ليالي ألف ليلة",
    "text": "حكايات عن مدينة قديمة ومكتبة لا تنام. "
    "يروي الراوي قصة حب وسفر، ويعود في آخر الليل إلى البحر.",
    "author": "نجيب محفوظ",
    "year": 1982,
    "genres": ["fantasy"],
    "url": "https://books.example/%D9%84%D9%8A%D8%A7%D9%84%D9%8A",
}
LONG = {
    "id": "long",
    "title": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2,
    "text": "Unbreakable "
    + "x" * 300
    + ". "
    + "A steamship company keeps minutes of its meetings. " * 60,
    "author": "A committee",
    "year": 1996,
    "genres": ["history", "steamships"],
}


def records() -> list[dict[str, Any]]:
    """Return the sample corpus, and documents that a page may trip over."""
    books = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]
    return [*books, ARABIC, LONG, *HOSTILE_RECORDS]


@contextmanager
def served(store: Path, model: Path, **changes: Any) -> Iterator[str]:
    """Serve an application with the demo's page; yields its address."""
    settings = Settings.from_mapping(
        PAGE | {"QUERYTOWER_STORE": str(store), "QUERYTOWER_MODEL": str(model)} | changes
    )
    service = Service.open(settings)
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings, lambda: service), log_level="warning")
    )
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()
