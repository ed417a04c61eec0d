"""Typing, completing, filtering, turning pages and going back, as people do it."""

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not here; run: make install")

from playwright.sync_api import Route, expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def asked(page: "Page") -> dict[str, list[str]]:
    """Return the parameters in the page's address."""
    return parse_qs(urlsplit(page.url).query)


def hits(page: "Page") -> list[str]:
    """Return the titles on the page."""
    return page.locator(".hits h3").all_inner_texts()


def type_text(page: "Page", text: str) -> None:
    page.locator("#q").press_sequentially(text, delay=15)


def test_the_first_visit_asks_for_the_pages_own_files_alone(page: "Page", site: str) -> None:
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url.removeprefix(site)))
    page.goto("")
    page.wait_for_load_state("networkidle")
    own = [url for url in seen if not url.startswith("data:")]
    assert sorted(re.sub(r"web/\w+/", "", url) for url in own) == [
        "",
        "app.js",
        "complete.js",
        "results.js",
        "style.css",
    ]
    expect(page.locator("#q")).to_be_focused()


def test_results_come_while_typing(page: "Page") -> None:
    page.goto("")
    type_text(page, "orc coffee shop")
    expect(page).to_have_url(re.compile("shop$"))
    expect(page.locator("#view")).to_have_attribute("data-query", "orc coffee shop")
    expect(page.locator(".hits h3")).to_have_count(10)
    assert asked(page) == {"q": ["orc coffee shop"]}
    assert "Legends & Lattes" in hits(page)
    expect(page).to_have_title("orc coffee shop · Books by feel")
    expect(page.locator("#status")).to_have_text("10 results for orc coffee shop")
    expect(page.locator("#q")).to_be_focused()


def test_letters_typed_in_one_go_are_one_step(page: "Page") -> None:
    page.goto("")
    page.clock.install()  # however slow the machine is, no time passes between the letters
    page.clock.pause_at("2030-01-01")
    for text in ("orc", " coffee", " shops"):
        type_text(page, text)
        page.clock.run_for(200)
    page.clock.resume()
    expect(page).to_have_url(re.compile("shops$"))
    page.go_back()
    expect(page.locator("body")).to_have_attribute("data-kind", "home")
    assert page.locator("#q").input_value() == ""


def test_an_answer_that_comes_late_is_dropped(page: "Page") -> None:
    held: list[Route] = []
    page.goto("")
    page.route("**/?q=westerns", lambda route: held.append(route))
    page.locator("#q").fill("westerns")
    with page.expect_request("**/?q=westerns"):
        page.keyboard.press("Enter")
    page.locator("#q").fill("orc coffee")
    expect(page.locator("#view")).to_have_attribute("data-query", "orc coffee")
    shown = hits(page)
    held[0].fulfill(
        body="<title>late</title><div id=view data-query=westerns>late</div>",
        content_type="text/html",
    )
    page.wait_for_timeout(200)
    assert hits(page) == shown
    expect(page).to_have_title("orc coffee · Books by feel")


def test_completions_by_keyboard(page: "Page") -> None:
    page.goto("")
    type_text(page, "com")
    box, options = page.locator("#q"), page.locator("#completions [role=option]")
    expect(options.first).to_be_visible()
    words = options.locator("span").all_inner_texts()
    assert all(word.lower().startswith("com") for word in words)
    expect(options.first.locator("b")).to_have_text(re.compile("^com$", re.IGNORECASE))
    kinds = options.locator("small").all_inner_texts()
    assert {*kinds} <= {"title", "phrase", "author", "genres"}
    assert len(kinds) == len(words)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == options.nth(1).get_attribute("id")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert box.get_attribute("aria-activedescendant") is None
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.locator("#completions")).to_be_hidden()
    assert box.input_value() == "com"
    type_text(page, "i")
    expect(options.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    word = options.first.locator("span").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#view")).to_have_attribute("data-query", word)
    expect(page.locator("#completions")).to_be_hidden()
    expect(box).to_be_focused()


def test_completions_help_in_the_middle_of_a_sentence(page: "Page") -> None:
    page.goto("")
    type_text(page, "a quiet book about myst in spring")
    for _ in range(len(" in spring")):
        page.keyboard.press("ArrowLeft")
    type_text(page, "e")
    option = page.locator("#completions [role=option]", has_text="mystery").first
    option.click()
    value = page.locator("#q").input_value()
    assert re.fullmatch(r"a quiet book about myster\w* in spring", value)
    expect(page.locator("#view")).to_have_attribute("data-query", value)


def test_three_letters_find_no_strangers(page: "Page") -> None:
    page.goto("")
    type_text(page, "orc")
    expect(page.locator("#view")).to_have_attribute("data-query", "orc")
    expect(page.locator(".hits h3").first).to_be_visible()
    assert asked(page) == {"q": ["orc"]}
    for hit in page.locator(".hits > li").all():
        assert re.search(r"\borc", hit.inner_text(), re.IGNORECASE)
    page.keyboard.press("Enter")  # now it is a question
    expect(page.locator(".hits h3")).to_have_count(10)


def test_arrows_lead_to_the_titles_and_back(page: "Page") -> None:
    page.goto("?q=orc coffee shop")
    page.locator("#q").focus()
    page.keyboard.press("End")
    titles = page.locator("h3 a")
    page.keyboard.press("ArrowDown")
    expect(titles.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(titles.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#q")).to_be_focused()


def test_completions_by_pointer(page: "Page") -> None:
    page.goto("")
    type_text(page, "com")
    option = page.locator("#completions [role=option]").nth(1)
    word = option.locator("span").inner_text()
    option.click()
    expect(page.locator("#view")).to_have_attribute("data-query", word)


@pytest.mark.parametrize("status", [404, 500])
def test_the_page_lives_without_completions(page: "Page", status: int) -> None:
    calls: list[str] = []

    def refuse(route: Route) -> None:
        calls.append(route.request.url)
        route.fulfill(status=status, body="no")

    page.route("**/suggest?*", refuse)
    page.goto("")
    with page.expect_request("**/suggest?*"):
        type_text(page, "orc")
    expect(page.locator(".hits h3").first).to_be_visible()
    type_text(page, " coffee")
    expect(page.locator("#view")).to_have_attribute("data-query", "orc coffee")
    expect(page.locator("#completions")).to_be_hidden()
    assert len(calls) == 1 or status == 500


def test_slash_leads_to_the_search_box(page: "Page") -> None:
    page.goto("?q=orc")
    page.keyboard.press("Tab")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("a/b")  # what was there is selected, and a slash inside is a slash
    assert page.locator("#q").input_value() == "a/b"


def test_everything_can_be_reached_by_keyboard_alone(page: "Page") -> None:
    page.goto("?q=village mystery")
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "e => (e = document.activeElement, e.className || e.name || e.id || e.tagName)"
            )
        )
        if reached[-1] == "like":
            break
    assert [reached[0], reached[-1]] == ["skip", "like"]
    assert {"lucky", "q", "mode", "genres", "year>", "SUMMARY"} <= {*reached}
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_have_attribute("data-kind", "document")
    expect(page.locator("#heading")).to_be_focused()


def test_filters_narrow_and_the_address_tells(page: "Page", browser: "Browser", site: str) -> None:
    page.goto("?q=village mystery")
    page.locator("label", has_text="mystery").last.click()
    expect(page.locator(".chosen li")).to_have_count(1)
    assert (
        page.evaluate("document.activeElement.value") == "mystery"
    )  # the focus stays where it was
    page.locator("input[name='year>']").fill("1950")
    page.keyboard.press("Tab")
    expect(page.locator(".chosen li")).to_have_count(2)
    expect(page.locator("input[name='year<']")).to_be_focused()
    assert asked(page) == {"q": ["village mystery"], "genres": ["mystery"], "year>": ["1950"]}
    for fact in page.locator(".hits .facts").all_text_contents():
        year, genres = re.findall(r"year: (\d+)", fact), re.findall("genres: .*", fact)
        assert int(year[0]) >= 1950
        assert "mystery" in genres[0]
    shown = hits(page)
    with browser.new_context(base_url=site) as other:  # somebody else opens the link
        page2 = other.new_page()
        page2.goto(page.url)
        assert hits(page2) == shown
        expect(page2.locator("input[name='genres'][value='mystery']")).to_be_checked()
        expect(page2.locator("input[name='year>']")).to_have_value("1950")
    page.locator(".chosen a").first.click()
    expect(page.locator(".chosen li")).to_have_count(1)
    page.go_back()
    expect(page.locator(".chosen li")).to_have_count(2)
    assert hits(page) == shown
    page.go_back()
    page.go_back()
    expect(page.locator(".chosen li")).to_have_count(0)
    page.go_forward()
    expect(page.locator(".chosen li")).to_have_count(1)


def test_the_way_to_search_is_kept_while_typing(page: "Page") -> None:
    page.goto("?q=mystery")
    page.locator("label", has_text=re.compile("^Words$")).click()
    expect(page.locator("#view")).to_have_attribute("data-mode", "keyword")
    assert asked(page) == {"q": ["mystery"], "mode": ["keyword"]}
    page.locator("#q").fill("village")
    expect(page.locator("#view")).to_have_attribute("data-query", "village")
    assert asked(page) == {"q": ["village"], "mode": ["keyword"]}
    assert {*page.locator(".why > summary").all_text_contents()} == {"Matched by Words"}
    page.go_back()
    expect(page.locator("#q")).to_have_value("mystery")


def test_pages(page: "Page") -> None:
    page.goto("?q=mystery")
    first = hits(page)
    page.locator("[rel=next]").scroll_into_view_if_needed()
    scrolled = page.evaluate("scrollY")
    page.locator("[rel=next]").click()
    expect(page.locator(".pages")).to_contain_text("Page 2")
    assert page.evaluate("scrollY") == 0
    expect(page.locator("#heading")).to_be_focused()
    assert not {*first} & {*hits(page)}
    assert asked(page) == {"q": ["mystery"], "page": ["2"]}
    page.go_back()
    expect(page.locator(".pages")).to_contain_text("Page 1")
    assert hits(page) == first
    assert page.evaluate("scrollY") == pytest.approx(scrolled, abs=2)
    page.go_forward()
    expect(page.locator(".pages")).to_contain_text("Page 2")
    page.locator("#q").fill("village")  # another question begins at its first page
    expect(page.locator(".pages")).to_contain_text("Page 1")


def test_more_like_this_and_back(page: "Page") -> None:
    page.goto("?q=orc coffee shop&mode=keyword")
    page.locator("li", has_text="Legends & Lattes").locator(".like").click()
    expect(page.locator(".document h2")).to_have_text("Legends & Lattes")
    expect(page.locator(".alike .hits > li")).to_have_count(10)
    expect(page.locator("#q")).to_have_value("orc coffee shop")
    page.locator(".back a").click()
    expect(page.locator("#view")).to_have_attribute("data-mode", "keyword")
    assert asked(page) == {"q": ["orc coffee shop"], "mode": ["keyword"]}


def test_feeling_lucky(page: "Page") -> None:
    page.goto("")
    page.locator(".lucky").click()
    expect(page.locator(".document h2")).to_be_visible()
    assert [*asked(page)] == ["like"]
    title = page.locator(".document h2").inner_text()
    page.reload()
    expect(page.locator(".document h2")).to_have_text(title)
    page.go_back()
    expect(page.locator("body")).to_have_attribute("data-kind", "home")


def test_suggestions_and_the_way_home(page: "Page") -> None:
    page.goto("")
    chip = page.locator(".suggestions a").first
    text = chip.inner_text()
    chip.click()
    expect(page.locator("#view")).to_have_attribute("data-query", text)
    expect(page.locator("#q")).to_have_value(text)
    page.locator("h1 a").click()
    expect(page.locator("body")).to_have_attribute("data-kind", "home")
    expect(page.locator("#q")).to_have_value("")
    assert urlsplit(page.url).query == ""
    page.locator("#q").fill("orcs")
    expect(page.locator(".hits h3").first).to_be_visible()
    page.locator("#q").fill("")
    expect(page.locator("body")).to_have_attribute("data-kind", "home")


def test_the_reasons_are_given_on_demand(page: "Page") -> None:
    page.goto("?q=orc coffee shop")
    why = page.locator("li", has_text="Legends & Lattes").locator(".why")
    words, numbers = why.locator("dl").first, why.locator("dl").last
    expect(words).to_be_hidden()
    why.locator("summary").first.click()
    expect(words).to_be_visible()
    assert re.search(r"Words\s+elsewhere in the document", why.inner_text())
    expect(numbers).to_be_hidden()
    why.locator("summary").last.click()
    expect(numbers).to_be_visible()
    assert re.search(r"Words\s+place 1, BM25 \d", why.inner_text())
    assert re.search(r"Passage\s+\d+ to \d+ of 357 characters", why.inner_text())


def test_a_passage_has_three_lines_until_somebody_wants_more(page: "Page") -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("?q=unbreakable&mode=keyword")
    hit = page.locator(".hits > li").first
    passage = hit.locator(".passage")
    lines = "e => e.clientHeight / parseFloat(getComputedStyle(e).lineHeight)"
    assert passage.evaluate(lines) < 3.2
    hit.locator(".rest summary").click()
    assert passage.evaluate(lines) > 3.8
    assert passage.evaluate("e => e.scrollHeight <= e.clientHeight + 1")
    expect(hit.locator(".rest summary span:visible")).to_have_text("less")


def test_short_passages_offer_no_more(page: "Page") -> None:
    page.set_viewport_size({"width": 2560, "height": 1440})
    page.goto("?q=trap&mode=keyword")
    expect(page.locator(".rest").first).to_be_hidden()


def test_two_hits_are_on_a_phones_first_screen(page: "Page") -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for query in ("village mystery", "a quiet book about grief that is not depressing"):
        page.goto(f"?q={query}")
        box = page.locator(".hits > li").nth(1).locator(".passage").bounding_box()
        assert box
        assert box["y"] + box["height"] <= 844


def test_an_author_leads_to_all_of_hers(page: "Page") -> None:
    page.goto("?q=winter planet envoy")
    author = page.locator(".facts a", has_text="Ursula K. Le Guin").first
    author.click()
    expect(page.locator("#q")).to_have_value("")
    expect(page.locator(".chosen li")).to_have_count(1)
    authors = page.locator(".hits .facts li:first-child bdi").all_inner_texts()
    assert {*authors} == {"Ursula K. Le Guin"}
    page.locator("#q").fill("anarchist physicist")
    expect(page.locator("#view")).to_have_attribute("data-query", "anarchist physicist")
    expect(page.locator(".chosen li")).to_have_count(1)
    page.locator(".chosen a").click()
    expect(page.locator(".chosen li")).to_have_count(0)


def test_the_skip_link_leads_past_the_head(page: "Page") -> None:
    page.goto("?q=orc")
    shown = hits(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    assert hits(page) == shown
    assert page.url.endswith("#view")
