"""What the page does when things are slow, fail, change, or mean harm."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not here; run: make install")

from playwright.sync_api import Route, expect

from handler.page.page_state import PageState
from tests.handler.test_page import HOSTILE
from tests.library import BOOKS, FILMS, add_index
from tests.web.site import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


def search(page: "Page", text: str) -> None:
    page.locator("#q").fill(text)
    page.keyboard.press("Enter")


def test_a_quick_answer_shows_no_skeleton(page: "Page") -> None:
    page.goto("")
    page.evaluate(
        "new MutationObserver(() => "
        "{ if (document.querySelector('.loading')) window.flashed = true })"
        ".observe(document.getElementById('view'), {childList: true, subtree: true})"
    )
    page.clock.install()  # time stands still for timers until it is told to go on
    page.clock.pause_at("2030-01-01")
    search(page, "orc coffee")
    expect(page.locator(".hits h3")).to_have_count(10)
    page.clock.run_for(1000)
    assert page.evaluate("window.flashed") is None


def search_and_hold(page: "Page", start: str) -> "list[Route]":
    """Search from the page at `start`, the clock at rest; return the requests, held back."""
    held: list[Route] = []
    page.goto(start)
    page.clock.install()
    page.clock.pause_at("2030-01-01")
    page.route("**/?q=westerns", lambda route: held.append(route))
    with page.expect_request("**/?q=westerns"):
        search(page, "westerns")
    return held


def test_a_slow_answer_has_a_skeleton_first_and_a_word_later(page: "Page") -> None:
    held = search_and_hold(page, "?q=orc")
    page.clock.run_for(140)
    assert page.locator(".hits h3").count() == 10
    page.clock.run_for(20)
    expect(page.locator(".loading")).to_be_visible()
    expect(page.locator("#view")).to_have_attribute("aria-busy", "true")
    expect(page.locator(".rail")).to_be_visible()
    expect(page.locator(".slow")).to_be_hidden()
    page.clock.run_for(5000)
    expect(page.locator(".slow")).to_be_visible()
    expect(page.locator("#status")).to_contain_text("Still searching")
    held[0].continue_()
    expect(page.locator(".hits h3")).to_have_count(10)
    expect(page.locator(".loading")).to_have_count(0)
    assert page.locator("#view").get_attribute("aria-busy") is None


def test_an_answer_that_never_comes_ends_in_an_error(page: "Page") -> None:
    search_and_hold(page, "")
    page.clock.run_for(36_000)
    expect(page.locator(".message h2")).to_have_text("That didn’t work")


@pytest.mark.parametrize("answer", ["none", "problem", "html", "empty"])
def test_an_error_can_be_tried_again(page: "Page", answer: str) -> None:
    bodies = {"problem": '{"status": 500}', "html": "<h1>502 Bad Gateway</h1>", "empty": ""}

    def broken(route: Route) -> None:
        if answer == "none":
            route.abort()
        else:
            route.fulfill(status=502, body=bodies[answer])

    page.goto("?q=orc")
    page.route("**/?q=westerns", broken)
    search(page, "westerns")
    expect(page.locator(".message h2")).to_have_text("That didn’t work")
    expect(page.locator("#status")).to_have_text("That didn’t work")
    page.unroute("**/?q=westerns")
    page.locator("button", has_text="Try again").click()
    expect(page.locator(".hits h3")).to_have_count(10)
    expect(page.locator("#q")).to_have_value("westerns")


def test_offline_goes_on_by_itself(page: "Page", context: "BrowserContext") -> None:
    page.goto("?q=orc")
    shown = page.locator(".hits h3").all_inner_texts()
    context.set_offline(True)
    search(page, "westerns")
    expect(page.locator(".message h2")).to_have_text("You are offline")
    page.go_back()  # what was there before needs no connection
    expect(page.locator(".hits h3")).to_have_text(shown)
    page.go_forward()
    expect(page.locator(".message h2")).to_have_text("You are offline")
    context.set_offline(False)
    expect(page.locator(".hits h3")).to_have_count(10)
    expect(page.locator("#view")).to_have_attribute("data-query", "westerns")


def test_what_the_server_refuses_is_said_by_the_page(page: "Page") -> None:
    page.goto("?q=orc")
    page.evaluate("document.getElementById('q').removeAttribute('maxlength')")
    search(page, "long " * 500)
    expect(page.locator(".message")).to_contain_text("2000 at most")
    search(page, "orc")
    expect(page.locator(".hits h3")).to_have_count(10)


def test_a_swapped_index_is_announced(
    browser: "Browser", tiny_model_dir: Path, tmp_path: Path
) -> None:
    add_index(tmp_path / "store", tiny_model_dir, BOOKS, tmp_path)
    with (
        served(tmp_path / "store", tiny_model_dir, QUERYTOWER_POLL_SECONDS="0") as address,
        browser.new_context(base_url=address) as context,
    ):
        page = context.new_page()
        page.goto("?q=mystery")
        expect(page.locator("#foot")).to_contain_text("6 documents")
        expect(page.locator("#notice")).to_be_hidden()
        new = {
            "id": "new",
            "title": "Brand new",
            "text": "A mystery that was published a moment ago.",
        }
        add_index(tmp_path / "store", tiny_model_dir, [*BOOKS, new], tmp_path)
        search(page, "brand new mystery")
        expect(page.locator("#notice")).to_contain_text("updated while you were here")
        expect(page.locator("#foot")).to_contain_text("7 documents")
        search(page, "mystery")
        expect(page.locator("#notice")).to_be_hidden()


def test_an_index_that_comes_is_noticed(
    browser: "Browser", tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handler.versions.live_index.RETRY_SECONDS", 0.0)
    (tmp_path / "store").mkdir()
    with (
        served(tmp_path / "store", tiny_model_dir) as address,
        browser.new_context(base_url=address) as context,
    ):
        page = context.new_page()
        page.clock.install()
        page.goto("?q=mystery")
        expect(page.locator(".message")).to_contain_text("looks again by itself")
        add_index(tmp_path / "store", tiny_model_dir, BOOKS, tmp_path)
        page.clock.run_for(6000)
        expect(page.locator(".hits h3").first).to_be_visible()


def test_the_index_is_switched_and_kept(
    browser: "Browser", tiny_model_dir: Path, tmp_path: Path
) -> None:
    add_index(tmp_path / "store", tiny_model_dir, BOOKS, tmp_path)
    add_index(tmp_path / "store", tiny_model_dir, FILMS, tmp_path, name="films")
    with (
        served(
            tmp_path / "store", tiny_model_dir, QUERYTOWER_PAGE_INDEXES="default,films"
        ) as address,
        browser.new_context(base_url=address) as context,
    ):
        page = context.new_page()
        page.goto("?q=tides")
        page.locator("#index").select_option("films")
        expect(page.locator(".hits h3")).to_have_text(["Tides, the film"])
        page.go_back()
        expect(page.locator("#index")).to_have_value("")
        page.go_forward()
        expect(page.locator("#index")).to_have_value("films")
        with page.expect_request("**/indexes/films/suggest?*"):
            page.locator("#q").press("End")
            page.locator("#q").press_sequentially(" fi", delay=15)
        page.locator("h1 a").click()
        expect(page.locator("body")).to_have_attribute("data-kind", "home")
        expect(page.locator("#index")).to_have_value("films")


def test_hostile_documents_stay_text(page: "Page") -> None:
    attack = HOSTILE[0]["title"]
    for url in (
        "?q=trap",
        PageState(query=str(attack)).link(),
        PageState(query="trap", filters=(("kind", str(HOSTILE[1]["kind"])),)).link(),
    ):
        page.goto(url)
        expect(page.locator(".hits h3").first).to_be_visible()
    page.goto("?mode=keyword")
    search(page, "trap")
    expect(page.locator(".hits h3").first).to_be_visible()
    titles = page.locator(".hits h3").all_inner_texts()
    assert {" ".join(str(item["title"]).split()) for item in HOSTILE} <= {*titles}
    assert page.locator(".results script, .results img, .results svg[onload]").count() == 0
    for item in HOSTILE:
        link = page.locator("h3 a", has_text=str(item["title"])).first
        assert (link.get_attribute("href") or "").startswith("?q=trap&")
        link.hover()
    page.locator("h3 a", has_text=str(attack)).first.click()
    expect(page.locator(".document h2")).to_have_text(str(attack))
    assert page.evaluate("window.pwned") is None


def test_hostile_completions_stay_text(page: "Page") -> None:
    page.route(
        "**/suggest?*",
        lambda route: route.fulfill(
            json={"suggestions": [{"text": "<img src=x onerror=window.pwned=1>"}]}
        ),
    )
    page.goto("")
    page.locator("#q").press_sequentially("tra", delay=20)
    expect(page.locator("#completions li")).to_have_text("<img src=x onerror=window.pwned=1>")
    assert page.locator("#completions img").count() == 0
    assert page.evaluate("window.pwned") is None


@pytest.fixture
def plain(browser: "Browser", site: str) -> Iterator["Page"]:
    """A page without scripts."""
    context = browser.new_context(base_url=site, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_without_a_script(plain: "Page") -> None:
    plain.goto("")
    plain.locator("#q").fill("village mystery")
    plain.locator(".box button[type=submit]").click()
    expect(plain.locator(".hits h3")).to_have_count(10)
    plain.locator("label", has_text="mystery").last.click()
    plain.locator("input[name='year<']").fill("1950")
    plain.locator("button", has_text="Apply").click()
    expect(plain.locator(".chosen li")).to_have_count(2)
    years = re.findall(r"year: (\d+)", " ".join(plain.locator(".hits .facts").all_text_contents()))
    assert years
    assert max(map(int, years)) <= 1950
    plain.locator(".like").first.click()
    expect(plain.locator(".document h2")).to_be_visible()
    plain.locator(".back a").click()
    expect(plain.locator(".chosen li")).to_have_count(2)
    plain.locator(".lucky").click()
    expect(plain.locator(".document h2")).to_be_visible()
