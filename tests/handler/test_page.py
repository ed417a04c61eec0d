"""The search page as it is sent: states, escaping, files, caching and compression."""

import base64
import gzip
import re
import subprocess
import sys
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.markup import Html, fill
from handler.page.assets import DARK, LIGHT, Assets, readable
from handler.page.links import host_of
from handler.page.page_state import PageState
from handler.page.why import match_of
from handler.search.answer import Explanation
from handler.service import Service
from handler.settings import SettingError, Settings
from tests.function import Function, get_event
from tests.library import BOOKS, LONG, Library, add_index, library  # noqa: F401

TITLES = {book["id"]: book["title"] for book in BOOKS}
HOSTILE = [
    {
        "id": f"h{at}",
        "title": f"{attack} trap",
        "text": f"A trap with {attack} in its text. Nothing else of note is here.",
        "url": url,
        "kind": attack,
        "tags": [attack, "trap"],
    }
    for at, (attack, url) in enumerate(
        [
            ("<script>window.pwned=1</script>", "javascript:window.pwned=1"),
            ("<img src=x onerror=window.pwned=1>", " JaVaScRiPt:window.pwned=1"),
            (
                '"onmouseover="window.pwned=1" x="\'',
                'https://good.example/" onclick="window.pwned=1',
            ),
            (
                "</title></textarea><svg/onload=window.pwned=1>",
                "data:text/html,<script>window.pwned=1</script>",
            ),
            ("$query ${view} {{7*7}} %s &lt;b&gt;", "vbscript:x"),
        ]
    )
]


def escaped(value: Any) -> Any:
    """Return a value as a corpus has it that means its tags as text, not as HTML."""
    return [escape(each) for each in value] if isinstance(value, list) else escape(value)


HOSTILE_RECORDS = [
    {name: value if name in ("id", "url") else escaped(value) for name, value in item.items()}
    for item in HOSTILE
]


class Elements(HTMLParser):
    """Collects every element of a page with its attributes, and all of its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        return [
            have for name, have in self.found if name == tag and attributes.items() <= have.items()
        ]

    def links(self) -> list[str]:
        return [have["href"] for have in self.all("a")]


@pytest.fixture(scope="module")
def client(library: Library) -> Iterator[TestClient]:  # noqa: F811
    yield from _client(
        library.settings(page_suggestions="calm | a <b>storm</b>", page_title="Tom & Jerry's")
    )


def _client(settings: Settings) -> Iterator[TestClient]:
    service = Service.open(settings)
    with TestClient(create_app(settings, lambda: service)) as client:
        yield client


def get(client: TestClient, url: str, status: int = 200) -> Elements:
    answer = client.get(url, headers={"accept-encoding": "identity"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Elements(answer.text)


def titles(page: Elements) -> list[str]:
    """Return the ids of the hits, by the links to what is like them."""
    return [dict(parse_qsl(a["href"][1:]))["like"] for a in page.all("a", **{"class": "like"})]


def test_the_first_visit_invites(client: TestClient) -> None:
    page = get(client, "/")
    assert page.all("body") == [{"data-kind": "home"}]
    assert page.all("textarea", name="q")
    assert "?q=calm" in page.links()
    assert "?q=a+%3Cb%3Estorm%3C%2Fb%3E" in page.links()
    assert "Tom & Jerry's" in page.text
    assert f"{len(BOOKS)} documents" in page.text


def test_results_come_without_a_script(client: TestClient) -> None:
    page = get(client, "/?q=mystery&mode=keyword")
    assert set(titles(page)) == {"the-lighthouse", "tides/1", "bare"}
    assert ">mystery</textarea>" in client.get("/?q=mystery&mode=keyword").text
    assert page.all("input", name="mode", value="keyword")[0]["checked"] == ""
    assert "3 results for mystery" in page.text
    assert "A note without a title: mystery." in page.text
    assert page.all("mark")


def test_results_are_counted_and_sorted(client: TestClient) -> None:
    page = get(client, "/?q=mystery&mode=keyword&sort=-year")
    assert titles(page) == ["tides/1", "the-lighthouse", "bare"]
    assert "3 results" in page.text
    assert page.all("option", value="-year")[0]["selected"] == ""
    plain = titles(get(client, "/?q=mystery&mode=keyword"))
    assert titles(get(client, "/?q=mystery&mode=keyword&sort=genres")) == plain


def test_few_letters_of_a_word_find_what_begins_with_them(client: TestClient) -> None:
    assert titles(get(client, "/?q=tid&typing=true")) == ["tides/1"]
    assert len(titles(get(client, "/?q=tid"))) > 1
    assert len(titles(get(client, "/?q=mystery&typing=true"))) == len(BOOKS)
    page = get(client, "/?q=qqq&typing=true")
    assert "No word begins with these letters." in page.text
    assert not [link for link in page.links() if "typing" in link]


def test_titles_mark_the_words_that_matched(client: TestClient) -> None:
    html = client.get("/?q=the+tides&mode=keyword").text
    assert "<mark>Tides</mark>" in html[html.index('id="hit-0"') :]
    assert "Straße &lt;&amp; <mark>Söhne</mark>&gt;" in client.get("/?q=söhne&mode=keyword").text


def test_values_lead_to_all_that_share_them(client: TestClient) -> None:
    assert "?genres=50%25+off" in get(client, "/?q=saga").links()
    page = get(client, "/?genres=mystery")
    assert set(titles(page)) == {"the-lighthouse", "tides/1"}
    assert "Documents that fit the filters" in page.text
    assert "Matched by" not in page.text  # nothing was asked
    assert "?q=mystery" not in page.links()
    assert get(client, "/?sort=year").all("body") == [{"data-kind": "home"}]
    assert get(client, "/?year%3E=2019").text.count("Rooted") == 1


def test_the_host_of_a_document_is_a_link(client: TestClient) -> None:
    page = get(client, "/?like=the-left-hand-of-darkness")
    assert page.links().count("https://books.example/left-hand") == 2
    assert "books.example ↗" in page.text


def test_a_match_is_explained_in_words_before_numbers(client: TestClient) -> None:
    page = get(client, "/?q=mystery+coast")
    assert re.search(r"Words\s*“note”, “mystery”", get(client, "/?q=mystery+note").text)
    assert "the closest of all" in page.text
    bars = [have["d"] for have in page.all("path", **{"class": "on"})]
    assert {"M0 0h100v1H0z"} < {*bars}


def test_what_tells_a_reader_nothing_is_left_out(tiny_model_dir: Path, tmp_path: Path) -> None:
    words = [f"{one} {other}" for one in ("Ada", "Bo", "Cy", "Di") for other in "Ng Ode Pu".split()]
    records = [
        {
            "id": f"d{at}",
            "text": f"tide {at}",
            "isbn": f"978-{at:04}",
            "image": f"https://pictures.example/{at % 2}.png",
            "blurb": "long " * 30,
            "author": words[at],
            "shelf": f"shelf {at % 3}",
            "year": 1990 + at,
            "empty": "",
            "tags": [],
        }
        for at in range(12)
    ]
    add_index(tmp_path / "store", tiny_model_dir, records, tmp_path)
    settings = Settings(store=str(tmp_path / "store"), model=str(tiny_model_dir))
    for client in _client(settings):
        page = get(client, "/?like=d3")
        for left_out in ("isbn: ", "image: ", "blurb: ", "empty: ", "tags: "):
            assert left_out not in page.text
        for shown in ("author: Bo Ng", "shelf: shelf 0", "year: 1993"):
            assert shown in page.text
    chosen = Settings(store=settings.store, model=settings.model, page_fields="isbn,tags")
    for client in _client(chosen):
        page = get(client, "/?like=d3")
        assert "isbn: 978-0003" in page.text
        assert "tags: " not in page.text


def test_nonsense_is_told_from_a_question(client: TestClient, library: Library) -> None:  # noqa: F811
    assert "Nothing close to" not in get(client, "/?q=mystery").text
    service = Service.open(library.settings())
    quality = service.index().manifest.quality
    assert -1 < quality["noise"] < 1


def test_the_title_leads_to_the_document_itself_if_it_is_on_the_web(client: TestClient) -> None:
    links = get(client, "/?q=envoy+winter&mode=keyword").links()
    assert "https://books.example/left-hand" in links
    assert "?q=mystery&like=tides%2F1" in get(client, "/?q=mystery").links()


def test_filters_work_by_the_form_alone(client: TestClient) -> None:
    page = get(client, "/?q=mystery&mode=hybrid&genres=mystery&year%3E=1991&year%3C=&published%3E=")
    assert titles(page) == ["tides/1"]
    assert page.all("input", name="genres", value="mystery")[0]["checked"] == ""
    assert page.all("input", name="year>")[0]["value"] == "1991"
    assert page.all("input", name="published<")[0]["type"] == "date"
    assert "?q=mystery&genres=mystery" in page.links()  # takes the year away
    assert "?q=mystery&year%3E=1991" in page.links()


def test_a_filtered_field_counts_what_its_other_values_would_add(client: TestClient) -> None:
    both = get(client, "/?q=mystery+family&genres=mystery&genres=family")
    assert {"the-lighthouse", "tides/1", "/rooted"} <= set(titles(both))
    one = get(client, "/?q=mystery+family&genres=mystery")
    assert one.all("input", name="genres", value="family")


def test_fields_named_like_parameters_of_the_page_are_no_filters(client: TestClient) -> None:
    page = get(client, "/?q=mystery&k=12")
    assert titles(page) == ["tides/1"]
    assert not page.all("input", name="q")
    assert not page.all("input", name="q>")


def test_parameters_that_are_no_fields_are_passed_over(client: TestClient) -> None:
    assert titles(get(client, "/?q=mystery&utm_source=mail&fbclid=1")) == titles(
        get(client, "/?q=mystery")
    )
    for odd in ("page=0", "page=-1", "page=x", "page=%C2%B2", "page=9999999999", "mode=magic"):
        assert titles(get(client, f"/?q=mystery&{odd}")) == titles(get(client, "/?q=mystery"))


def test_more_like_this_shows_the_whole_document(client: TestClient) -> None:
    page = get(client, "/?q=light&mode=semantic&like=the-lighthouse")
    assert LONG.strip() in page.text
    assert "the-lighthouse" not in titles(page)
    assert len(titles(page)) == len(BOOKS) - 1
    assert "?q=light&mode=semantic" in page.links()


@pytest.mark.parametrize("key", TITLES)
def test_every_document_can_be_reached_by_its_link(client: TestClient, key: str) -> None:
    page = get(client, "/" + PageState(like=key).link())
    text = next(book["text"] for book in BOOKS if book["id"] == key)
    assert " ".join(text.split()) in " ".join(page.text.split())


def test_feeling_lucky_leads_to_some_document(client: TestClient) -> None:
    answer = client.get("/?lucky=1", follow_redirects=False)
    assert (answer.status_code, answer.headers["cache-control"]) == (303, "no-store")
    assert dict(parse_qsl(answer.headers["location"][1:]))["like"] in TITLES
    assert client.get("/?lucky=1").status_code == 200


def test_paging(tiny_model_dir: Path, tmp_path: Path) -> None:
    add_index(
        tmp_path / "store",
        tiny_model_dir,
        [{"id": f"d{n}", "text": f"tide {n}"} for n in range(23)],
        tmp_path,
    )
    settings = Settings(store=str(tmp_path / "store"), model=str(tiny_model_dir), max_offset=10)
    for client in _client(settings):
        first, second = get(client, "/?q=tide"), get(client, "/?q=tide&page=2")
        assert len(titles(first)) == len(titles(second)) == 10
        assert not {*titles(first)} & {*titles(second)}
        assert [have["rel"] for have in first.all("a") if "rel" in have] == ["next"]
        assert second.all("ol")[0]["start"] == "11"
        assert [have["rel"] for have in second.all("a") if "rel" in have] == [
            "prev"
        ]  # a third is beyond max_offset
        get(client, "/?q=tide&page=3", 422)
    for client in _client(Settings(store=settings.store, model=settings.model)):
        assert len(titles(get(client, "/?q=tide&page=3"))) == 3
        assert "That was everything" in get(client, "/?q=tide&page=4").text
    for client in _client(Settings(store=settings.store, model=settings.model, max_k=1)):
        assert len(titles(get(client, "/?q=tide"))) == 1


@pytest.mark.parametrize(
    ("url", "status", "says"),
    [
        ("/?q=zzzz&mode=keyword", 200, "No document has any of these words."),
        ("/?q=zzzz&mode=keyword", 200, "Search by meaning too"),
        ("/?q=tide&year%3E=2999", 200, "Take the filters away"),
        ("/?q=tide&year%3E=abc", 422, "'year' is of type integer"),
        (f"/?q={'x' * 2001}", 422, "2000 at most"),
        ("/?like=nope", 404, "That is not here"),
    ],
)
def test_what_goes_wrong_is_said_on_the_page(
    client: TestClient, url: str, status: int, says: str
) -> None:
    assert says in get(client, url, status).text


def test_without_an_index_the_page_asks_again(tiny_model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    for client in _client(Settings(store=str(tmp_path / "store"), model=str(tiny_model_dir))):
        for url in ("/", "/?q=tide"):
            page = get(client, url, 503)
            assert "being made ready" in page.text
            assert str(tmp_path) not in page.text
            assert page.all("div", id="view")[0]["data-retry"] == "5"
        assert client.get("/").headers["retry-after"] == "5"


def test_documents_are_data(tiny_model_dir: Path, tmp_path: Path) -> None:
    add_index(tmp_path / "store", tiny_model_dir, HOSTILE_RECORDS, tmp_path)
    settings = Settings(
        store=str(tmp_path / "store"),
        model=str(tiny_model_dir),
        page_title=str(HOSTILE[0]["title"]),
    )
    attack = "%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E"
    urls = [
        "/?q=trap",
        f"/?q={attack}",
        f"/?q=trap&tags={attack}",
        f"/?q=%22%3E{attack}",
        f"/?like={attack}&q={attack}",
    ]
    urls += [PageState(query="trap", like=str(item["id"])).link() for item in HOSTILE]
    for client in _client(settings):
        for url in urls:
            page = Elements(client.get(url).text)
            assert page.all("script") == [{"type": "module", "src": page.all("script")[0]["src"]}]
            assert not page.all("img")
            attributes = {name for _, have in page.found for name in have}
            assert not {name for name in attributes if name.startswith("on")} | (
                {"style"} & attributes
            )
            assert {urlsplit(link).scheme for link in page.links()} <= {""}
        assert "$query ${view} {{7*7}} %s &lt;b&gt;" in get(client, "/?like=h4").text


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example/b?c#d", "a.example"),
        ("HTTP://a.example", "a.example"),
        ("https://good.example@evil.example/", "evil.example"),
        ("javascript:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("https://a.example/\nx", ""),
        ("//a.example", ""),
        ("https:\\\\a.example", ""),
        ("https://[x", ""),
        ("https://", ""),
        ("", ""),
    ],
)
def test_only_web_addresses_become_links(url: str, host: str) -> None:
    assert host_of(url) == host


def test_templates_escape_all_but_html() -> None:
    assert (
        fill("<p title='$a'>$b</p>", a="'\"<&$b", b=Html("<i>x</i>"))
        == "<p title='&#x27;&quot;&lt;&amp;$b'><i>x</i></p>"
    )


@pytest.mark.parametrize(
    ("semantic", "keyword_rank", "match"),
    [
        (1.0, 3, "both"),
        (-0.1, 3, "words"),
        (-0.1, None, "meaning"),
        (None, None, "meaning"),
        (None, 1, "words"),
    ],
)
def test_why_a_document_matched(
    semantic: float | None, keyword_rank: int | None, match: str
) -> None:
    explanation: Explanation = {
        "cosine": 0.5,
        "bm25": 2.0,
        "semantic": semantic,
        "keyword": 0.1,
        "semantic_rank": 1,
        "keyword_rank": keyword_rank,
    }
    assert match_of(explanation) == match


def test_the_policy_forbids_all_but_the_pages_own_files(client: TestClient) -> None:
    for url in ("/", "/?q=tide", "/?like=nope"):
        answer = client.get(url)
        policy = dict(
            part.strip().split(" ", 1)
            for part in answer.headers["content-security-policy"].split(";")
        )
        assert policy == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self' data:",
            "connect-src": "'self'",
            "form-action": "'self'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-cache"


def _files(client: TestClient, path: str = "/") -> list[str]:
    page = Elements(client.get(path).text)
    found = [have["href"] for have in page.all("link") if not have["href"].startswith("data:")]
    return sorted({*found, *(have["src"] for have in page.all("script"))})


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("identity, *;q=0.1", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("br", False),
        ("*;q=0", False),
        ("gzip;q=nonsense", False),
        ("", False),
    ],
)
def test_only_a_browser_that_takes_gzip_gets_it(
    client: TestClient, accepted: str, packed: bool
) -> None:
    answer = client.get("/", headers={"accept-encoding": accepted})
    assert ("content-encoding" in answer.headers) is packed
    assert "<html" in answer.text


def test_files_are_kept_for_ever_under_the_name_of_their_content(client: TestClient) -> None:
    files = _files(client)
    assert [Path(name).name for name in files] == [
        "app.js",
        "complete.js",
        "results.js",
        "style.css",
    ]
    for name in files:
        assert not name.startswith("/")  # the page may be served below a prefix
        packed, plain = (
            client.get(urljoin("/", name), headers={"accept-encoding": e})
            for e in ("gzip", "identity")
        )
        assert packed.content == plain.content  # httpx unpacks
        assert (packed.headers["content-encoding"], packed.headers["vary"]) == (
            "gzip",
            "Accept-Encoding",
        )
        assert "content-encoding" not in plain.headers
        assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert packed.headers["content-type"].startswith(("text/javascript", "text/css"))
        old = client.get(re.sub(r"web/\w+", "/web/0123456789ab", name))
        assert (old.content, old.headers["cache-control"]) == (plain.content, "no-cache")
    for missing in (
        "/web/x/index.html",
        "/web/x/parts.html",
        "/web/x/..%2Fapp.py",
        "/web/x/nope.js",
    ):
        assert client.get(missing).status_code == 404


def test_all_that_crosses_the_wire_is_small(client: TestClient) -> None:
    urls = ["/?q=mystery", *(urljoin("/", name) for name in _files(client))]
    answers = [client.get(url, headers={"accept-encoding": "gzip"}) for url in urls]
    assert {answer.headers["content-encoding"] for answer in answers} == {"gzip"}
    assert sum(int(answer.headers["content-length"]) for answer in answers) < 20_000


def test_a_head_request_has_no_body(client: TestClient) -> None:
    assert client.head("/").status_code == 200


def test_off_means_no_page(library: Library) -> None:  # noqa: F811
    for client in _client(library.settings(search_page=False)):
        assert client.get("/").status_code == 404
        assert client.get("/web/x/app.js").status_code == 404
        assert client.get("/search?q=tide").status_code == 200
    assert Settings.from_mapping({"QUERYTOWER_SEARCH_PAGE": "off"}).search_page is False


def test_the_settings_choose_words_fields_and_colour(library: Library) -> None:  # noqa: F811
    chosen = library.settings(
        page_title="Shelf",
        page_description="All of it.",
        page_placeholder="say",
        page_fields="year",
        page_accent="#ff0088",
    )
    for client in _client(chosen):
        page = get(client, "/?q=mystery&genres=mystery")
        assert page.all("textarea", name="q")[0]["placeholder"] == "say"
        assert "Shelf" in page.text
        assert "1991" in page.text
        assert "4.5" not in page.text  # a rating
        assert not page.all("input", name="genres")
        style = next(name for name in _files(client) if name.endswith(".css"))
        assert readable("#ff0088", LIGHT) in client.get(urljoin("/", style)).text


@pytest.mark.parametrize(
    "colour", ["red", "#12345", "#1234567", "#00ff0g", "", "#fff;}body{display:none"]
)
def test_a_colour_is_a_colour(colour: str) -> None:
    with pytest.raises(
        SettingError, match=r"QUERYTOWER_PAGE_ACCENT is .*; set it to something like #"
    ):
        Settings.from_mapping({"QUERYTOWER_PAGE_ACCENT": colour})


@pytest.mark.parametrize("ground", [LIGHT, DARK])
@pytest.mark.parametrize(
    "colour", ["#0a6b4f", "#ffff00", "#000000", "#ffffff", "#0000ff", "#808080"]
)
def test_any_accent_can_be_read_on_both_grounds(colour: str, ground: str) -> None:
    def luminance(text: str) -> float:
        channels = [int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted([luminance(readable(colour, ground)), luminance(ground)])
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_the_digest_follows_the_content() -> None:
    one, same, other = Assets.read("#0a6b4f"), Assets.read("#0a6b4f"), Assets.read("#aa0000")
    assert one.digest == same.digest != other.digest
    assert one.files["style.css"].gzipped == same.files["style.css"].gzipped


def test_api_gateway_gets_packed_bodies_in_base64(library: Library, tmp_path: Path) -> None:  # noqa: F811
    def ask(
        function: Function, path: str, query: str = "", encoding: str = "gzip, br"
    ) -> dict[str, Any]:
        event = get_event(path, query)
        return function.invoke(
            event | {"headers": event["headers"] | {"accept-encoding": encoding}}
        )

    with Function(library.environment(), tmp_path) as function:
        packed, plain = ask(function, "/", "q=mystery"), ask(function, "/", "q=mystery", "identity")
        assert (packed["isBase64Encoded"], plain["isBase64Encoded"]) == (True, False)
        assert packed["headers"]["content-encoding"] == "gzip"
        html = gzip.decompress(base64.b64decode(packed["body"])).decode()
        assert titles(Elements(html)) == titles(Elements(plain["body"])) != []
        style = next(
            have["href"] for have in Elements(html).all("link") if have["rel"] == "stylesheet"
        )
        file = ask(function, f"/{style}")
        assert b"--ground" in gzip.decompress(base64.b64decode(file["body"]))
        assert file["headers"]["cache-control"].endswith("immutable")


def test_the_functions_start_does_without_the_page() -> None:
    page = "name in ('handler.page.site', 'handler.page.renderer')"
    code = f"import sys, handler.main; print([name for name in sys.modules if {page}])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "[]\n"
    )
