"""Keys: who is let in, who is not, and what that looks like."""

import hashlib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.service import Service
from handler.settings import SettingError, Settings
from tests.function import Function
from tests.library import Library
from tests.requests import request

OURS, THEIRS = "the key of the shop", "another-key"
DIGESTS = ",".join(hashlib.sha256(key.encode()).hexdigest() for key in (OURS, THEIRS))


@pytest.fixture(scope="module")
def client(library: Library) -> Iterator[TestClient]:
    settings = library.settings(api_keys=DIGESTS, cors_origins="https://shop.example")
    service = Service.open(settings)
    with TestClient(create_app(settings, lambda: service)) as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Api-Key": OURS},
        {"X-Api-Key": f" {OURS} "},
        {"x-api-key": THEIRS},
        {"Authorization": f"Bearer {OURS}"},
        {"authorization": f"bearer {OURS}", "x-api-key": "wrong"},
    ],
    ids=str,
)
def test_a_key_lets_in(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get("/search?q=tide", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Api-Key": ""},
        {"X-Api-Key": OURS[:-1]},
        {"X-Api-Key": DIGESTS.partition(",")[0]},
        {"X-Api-Key": f"{OURS},{THEIRS}"},
        {"Authorization": OURS},
        {"Authorization": f"Basic {OURS}"},
        {"Authorization": "Bearer"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "path", ["/search?q=tide", "/", "/docs", "/openapi.json", "/no/such/path", "/health/"]
)
def test_without_a_key_nothing_is_told(
    client: TestClient, path: str, headers: dict[str, str]
) -> None:
    answer = client.get(path, headers=headers, follow_redirects=False)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "this needs a key; send yours in the header X-Api-Key"


def test_a_body_is_not_even_read_without_a_key(client: TestClient) -> None:
    assert client.post("/search", content=b"{" * 2_000_000).status_code == 401


def test_monitors_and_preflights_need_no_key(client: TestClient) -> None:
    assert client.get("/health").status_code == client.head("/health").status_code == 200
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    answer = client.options(
        "/search", headers=asked | {"Access-Control-Request-Headers": "x-api-key"}
    )
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (
        200,
        "https://shop.example",
    )
    asked["Access-Control-Request-Method"] = "HEAD"
    assert client.options("/ready", headers=asked).status_code == 200


def test_a_refused_script_may_read_why(client: TestClient) -> None:
    answer = client.get("/search?q=tide", headers={"Origin": "https://shop.example"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (
        401,
        "https://shop.example",
    )


@pytest.mark.parametrize("digests", ["", " "])
def test_without_digests_everybody_is_let_in(library: Library, digests: str) -> None:
    with TestClient(
        create_app(library.settings(api_keys=digests), lambda: Service.open(library.settings()))
    ) as client:
        assert client.get("/search?q=tide").status_code == 200


@pytest.mark.parametrize(
    "digests",
    [OURS, " ,", f"{DIGESTS},", f"{DIGESTS},{OURS}", DIGESTS.replace(",", ";"), DIGESTS[1:]],
)
def test_what_is_no_digest_is_refused_and_not_repeated(digests: str) -> None:
    with pytest.raises(
        SettingError, match="QUERYTOWER_API_KEYS must have the sha256 of each key"
    ) as caught:
        create_app(Settings(api_keys=digests), lambda: pytest.fail("nothing was asked for"))
    assert digests not in str(caught.value)


HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def give(client: TestClient, key: str, to: str = "/?q=tide", **headers: str) -> Any:
    form = urlencode({"key": key, "to": to}, errors="surrogateescape")
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return client.post("/key", content=form, headers=kind | headers, follow_redirects=False)


@pytest.mark.parametrize("path", ["/", "/docs", "/?q=tide&mode=keyword"])
def test_a_browser_is_asked_for_a_key(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=HTML)
    assert (answer.status_code, answer.headers["cache-control"]) == (401, "no-store")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert '<form method="post" action="/key">' in answer.text
    assert f'name="to" value="{escape(path)}"' in answer.text
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    assert "script" not in answer.text + answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/search?q=tide", "/openapi.json", "/documents/bare"])
def test_programs_get_json(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=HTML)
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_form_leads_to_the_page_that_was_asked_for(client: TestClient) -> None:
    answer = give(client, f" {THEIRS} ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?q=tide")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    kept = {"cookie": cookie.partition(";")[0]}
    client.cookies.clear()
    page = client.get("/?q=tide", headers=HTML | kept)
    assert (page.status_code, "Results for" in page.text) == (200, True)
    assert client.get("/search?q=tide", headers=kept).status_code == 200
    assert client.get("/docs", headers=HTML | kept).status_code == 200


def test_keys_of_any_characters_fit_the_cookie(library: Library) -> None:
    for key in ('a b; c=d, "e"', "schlüssel 🔑", "%41%zz"):
        digest = hashlib.sha256(key.encode()).hexdigest()
        settings = library.settings(api_keys=digest)
        service = Service.open(settings)
        with TestClient(create_app(settings, lambda service=service: service)) as client:  # type: ignore[misc]
            cookie = give(client, key).headers["set-cookie"].partition(";")[0]
            client.cookies.clear()
            assert client.get("/ready", headers={"cookie": cookie}).status_code == 200


@pytest.mark.parametrize("key", ["", "wrong", DIGESTS.partition(",")[0], "\udcff"])
def test_a_wrong_key_is_asked_for_again(client: TestClient, key: str) -> None:
    answer = give(client, key, "/?q=a<b>")
    assert answer.status_code == 401
    assert "none of the keys" in answer.text
    assert 'value="/?q=a&lt;b&gt;"' in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", [b"", b"\xff", b"&" * 1000, b"key=a&" * 1000, b"key"])
def test_a_form_of_rubbish_is_answered_by_the_form(client: TestClient, body: bytes) -> None:
    assert client.post("/key", content=body).status_code == 401


@pytest.mark.parametrize(
    "to",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "", "/a\nb"],
)
def test_the_form_leads_to_no_other_site(client: TestClient, to: str) -> None:
    assert give(client, OURS, to).headers["location"] == "/"
    client.cookies.clear()


def test_the_cookie_of_an_encrypted_page_stays_encrypted(library: Library) -> None:
    settings = library.settings(api_keys=DIGESTS)
    app = create_app(settings, lambda: Service.open(settings))
    with TestClient(app, base_url="https://books.example") as client:
        assert "Secure" in give(client, OURS).headers["set-cookie"]


def test_a_cookie_with_a_wrong_key_lets_nobody_in(client: TestClient) -> None:
    for cookie in (
        "querytower_key=wrong",
        "querytower_key=",
        "querytower_key",
        "a=b; ;;=",
        b"\xe9=\xfc",
    ):
        sent: Any = {"cookie": cookie}
        assert client.get("/ready", headers=sent).status_code == 401


def test_what_needs_a_key_is_for_one_caller(client: TestClient, library: Library) -> None:
    key = {"x-api-key": OURS}
    for path in ("/search?q=tide", "/?q=tide", "/docs", "/documents/bare", "/openapi.json"):
        for answer in (client.get(path, headers=key), client.get(path)):
            assert "private" in answer.headers["cache-control"]
            assert "public" not in answer.headers["cache-control"]
            vary = {name.strip() for name in answer.headers["vary"].split(",")}
            assert {"X-Api-Key", "Authorization", "Cookie"} <= vary
    assert "Accept-Encoding" in client.get("/", headers=key).headers["vary"]
    assert "cache-control" not in client.get("/health").headers
    settings = library.settings()
    service = Service.open(settings)
    with TestClient(create_app(settings, lambda: service)) as open_client:
        assert "cache-control" not in open_client.get("/search?q=tide").headers
        assert open_client.post("/key").status_code == 404


def test_the_form_works_behind_api_gateway(library: Library, tmp_path: Path) -> None:
    environment = library.environment(QUERYTOWER_API_KEYS=DIGESTS)
    form = urlencode({"key": OURS, "to": "/?q=tide"})
    kind = "application/x-www-form-urlencoded"
    with Function(environment, tmp_path) as function:
        asked = function.invoke(request("GET", "/", "q=tide", accept="text/html"))
        assert asked["statusCode"] == 401
        assert 'value="/?q=tide"' in asked["body"]
        taken = function.invoke(request("POST", "/key", body=form, content_type=kind))
        assert (taken["statusCode"], taken["headers"]["location"]) == (303, "/?q=tide")
        [cookie] = taken["cookies"]
        assert "Secure" in cookie
        kept = {"cookies": [cookie.partition(";")[0]]}
        page = function.invoke(request("GET", "/", "q=tide", accept="text/html") | kept)
        assert (page["statusCode"], page["headers"]["cache-control"]) == (200, "private, no-cache")
