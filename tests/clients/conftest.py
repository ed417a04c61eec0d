"""A server for real clients. They live in .venv-clients, which `make clients` makes."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from handler.app import create_app
from handler.service import Service
from tests.library import Library, library
from tests.serving import serving

__all__ = ["library"]

# `make test` runs these tests in that environment; any other lacks most of the clients.
collect_ignore_glob = [] if find_spec("langchain_openai") else ["test_*.py"]


@pytest.fixture(scope="session")
def address(library: Library) -> Iterator[str]:
    """URL of a server of the library, on which a client needs no key."""
    settings = library.settings()
    service = Service.open(settings)
    with serving(create_app(settings, lambda: service)) as port:
        yield f"http://127.0.0.1:{port}"
