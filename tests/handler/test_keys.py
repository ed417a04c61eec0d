"""Keys: who is let in, who is not, and what that looks like."""

import hashlib
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.service import Service
from handler.settings import SettingError, Settings
from tests.library import Library

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
