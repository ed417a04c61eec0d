"""Every state of the page at four widths, dark and light: nothing overflows, axe finds nothing.

The pictures in build/screenshots are for eyes; no test compares them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not here; run: make install")

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from tests.web.test_states import search

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
LOOKS: tuple[tuple[int, int, Literal["light", "dark"]], ...] = (
    (320, 640, "light"),
    (768, 1024, "dark"),
    (1280, 900, "light"),
    (1280, 900, "dark"),
    (2560, 1440, "light"),
)
CHECKED = {(320, "light"), (1280, "dark")}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
QUERY = "?q=village mystery"
FILTERED = QUERY + "&genres=mystery&genres=crime&year>=1950"


def typing(page: "Page") -> None:
    page.goto("")
    page.locator("#q").press_sequentially("com", delay=15)
    expect(page.locator("#completions li").first).to_be_visible()
    page.keyboard.press("ArrowDown")


def filtered(page: "Page") -> None:
    page.goto(FILTERED)
    page.locator(".rail").evaluate("e => e.open = true")
    page.locator(".more summary").first.click()


def explained(page: "Page") -> None:
    page.goto(QUERY)
    page.locator(".why summary").first.click()
    page.locator(".numbers summary").first.click()


def unbroken(page: "Page") -> None:
    page.goto("?q=unbreakable&mode=keyword")
    page.locator(".rest summary").first.click()


def waiting(page: "Page", milliseconds: int) -> None:
    page.goto(QUERY)
    page.clock.install()
    page.clock.pause_at("2030-01-01")
    page.route("**/?q=westerns", lambda route: None)
    with page.expect_request("**/?q=westerns"):
        search(page, "westerns")
    page.clock.run_for(milliseconds)
    page.clock.resume()  # axe and pictures take their time too
    expect(page.locator(".loading")).to_be_visible()


def offline(page: "Page") -> None:
    page.goto(QUERY)
    page.context.set_offline(True)
    search(page, "westerns")
    expect(page.locator(".message h2")).to_be_visible()


def failing(page: "Page") -> None:
    page.goto(QUERY)
    page.route("**/?q=westerns", lambda route: route.abort())
    search(page, "westerns")
    expect(page.locator(".message h2")).to_be_visible()


def swapped(page: "Page") -> None:
    page.goto(QUERY)
    page.locator("#view").evaluate("e => e.dataset.version = 'older'")
    search(page, "westerns")
    expect(page.locator("#notice")).to_be_visible()


def docs(page: "Page") -> None:
    page.goto("docs")
    # The policy allows the style only by its digest.
    assert page.locator("body").evaluate("e => getComputedStyle(e).maxWidth") != "none"


def opens(url: str) -> Callable[["Page"], None]:
    def visit(page: "Page") -> None:
        page.goto(url)

    return visit


STATES: dict[str, Callable[["Page"], None]] = {
    "docs": docs,
    "first-visit": opens(""),
    "typing": typing,
    "results": opens(QUERY),
    "browsed": opens("?genres=mystery&sort=-year"),
    "results-deep": opens("?q=mystery&page=3"),
    "filtered": filtered,
    "explained": explained,
    "more-like-this": opens("?q=orc coffee shop&like=legends-lattes"),
    "nothing-found": opens("?q=zzqx&mode=keyword&genres=fantasy"),
    "loading": lambda page: waiting(page, 200),
    "slow": lambda page: waiting(page, 5000),
    "offline": offline,
    "failed": failing,
    "refused": opens("?q=orc&year>=soon"),
    "swapped": swapped,
    "right-to-left": opens("?q=مدينة قديمة ومكتبة&mode=keyword"),
    "right-to-left-document": opens("?like=rtl"),
    "hostile": opens("?q=trap&mode=keyword"),
    "unbroken": unbroken,
}


@pytest.fixture(params=STATES)
def state(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_state(page: "Page", state: str) -> None:
    STATES[state](page)
    _look(page, state)


@pytest.fixture
def plain(browser: "Browser", site: str) -> Iterator["Page"]:
    context = browser.new_context(base_url=site, java_script_enabled=False, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def test_without_a_script(plain: "Page") -> None:
    plain.goto(FILTERED)
    for width, height, scheme in LOOKS:
        plain.set_viewport_size({"width": width, "height": height})
        plain.emulate_media(color_scheme=scheme)
        plain.screenshot(path=PICTURES / f"no-script-{width}-{scheme}.png")


def _look(page: "Page", state: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    for width, height, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=PICTURES / f"{state}-{width}-{scheme}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if (width, scheme) in CHECKED and state != "loading":  # which would be "slow" before long
            found = Axe().run(page, options=RULES)
            assert found.violations_count == 0, found.generate_report()


def test_motion_can_be_reduced(page: "Page") -> None:
    page.emulate_media(reduced_motion="reduce")
    waiting(page, 200)
    assert (
        page.locator(".ghost i").first.evaluate("e => getComputedStyle(e).animationName") == "none"
    )
