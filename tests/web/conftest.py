"""A browser, a site for it, and pages that report what must never happen on them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.library import add_index
from tests.web.site import records, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="session")
def site(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the site that most tests visit."""
    folder = tmp_path_factory.mktemp("site")
    add_index(folder / "store", tiny_model_dir, records(), folder)
    with served(folder / "store", tiny_model_dir) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Debian's Chromium; skips the test where it is missing."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not here; run: make browser")
    api = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not here; run: make install"
    )
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(browser: "Browser", site: str) -> Iterator["BrowserContext"]:
    """A window of its own for each test, which may send requests to the site alone."""
    context = browser.new_context(base_url=site, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: "BrowserContext", site: str) -> Iterator["Page"]:
    """A page; the test fails if a script on it fails, breaks the policy, or asks another host."""
    wrong: list[str] = []

    def check_request(request: "Request") -> None:
        if not request.url.startswith((site, "data:")):
            wrong.append(request.url)

    def check_message(message: "ConsoleMessage") -> None:
        if "Content Security" in message.text:
            wrong.append(message.text)

    page = context.new_page()
    page.on("request", check_request)
    page.on("console", check_message)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    assert not wrong
