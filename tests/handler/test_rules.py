"""rules.json: what is refused, what each rule does, and how a searched index follows the file."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from handler.encoder import Encoder
from handler.errors import InvalidRules
from handler.index.index_version import IndexVersion
from handler.index.rules import MAX_RULES_BYTES, NO_RULES, Rules
from handler.search.request import Mode, SearchRequest
from handler.search.searcher import Searcher
from handler.versions.layout import Layout
from handler.versions.live_rules import LiveRules
from handler.versions.repository import IndexRepository
from tests.command_line import Run, run
from tests.handler.indexes import build, document
from tests.library import Library

__all__ = ["run"]

MODES: tuple[Mode, ...] = get_args(Mode)
GOODS = [
    document("sofa", "A red sofa for the living room", colour="red"),
    document("couch", "A blue couch for two", colour="blue"),
    document("settee", "A green settee of oak", colour="green"),
    document("tv", "A television set, flat and wide", colour="black"),
    document("lamp", "A lamp for the living room", colour="red"),
]


@pytest.fixture(scope="module")
def goods(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> IndexVersion:
    return build(tmp_path_factory.mktemp("rules") / "v", GOODS, encoder)


@pytest.fixture(scope="module")
def searcher(encoder: Encoder) -> Searcher:
    return Searcher(encoder)


def ruled(index: IndexVersion, **rules: Any) -> IndexVersion:
    return replace(index, rules=Rules.parse(json.dumps(rules).encode(), "rules.json"))


def found(searcher: Searcher, index: IndexVersion, query: str, **wishes: Any) -> list[str]:
    request = SearchRequest(query=query, **{"mode": "keyword", **wishes})
    return [hit.document.id for hit in searcher.search(index, request).hits]


def test_synonyms_work_in_one_or_both_directions(searcher: Searcher, goods: IndexVersion) -> None:
    synonyms = [{"words": ["sofa", "couch"]}, {"words": ["telly"], "to": ["television set"]}]
    index = ruled(goods, synonyms=synonyms)
    assert found(searcher, goods, "sofas") == ["sofa"]
    assert found(searcher, index, "sofas") == ["sofa", "couch"]
    assert found(searcher, index, "couch") == ["couch", "sofa"]
    assert found(searcher, index, "telly") == ["tv"]
    assert found(searcher, index, "television set") == ["tv"]
    assert found(searcher, index, "sofa", verbatim=True) == ["sofa"]
    marked = searcher.search(
        index, SearchRequest(query="telly", mode="keyword", highlight=True)
    ).hits[0]
    assert marked.highlight == "A <mark>television</mark> <mark>set</mark>, flat and wide"


@pytest.mark.parametrize("mode", MODES)
def test_pins_hidden_documents_and_boosts(
    searcher: Searcher, goods: IndexVersion, mode: Mode
) -> None:
    pins = [{"query": "Living  Room", "ids": ["tv", "nobody", "couch"]}]
    index = ruled(goods, pins=pins, hidden=["lamp", "nothing"])
    hits = found(searcher, index, " living room", mode=mode)
    assert hits[:3] == ["tv", "couch", "sofa"]
    assert "lamp" not in hits
    assert found(searcher, index, "living room", mode=mode, offset=1)[:2] == ["couch", "sofa"]
    assert found(searcher, index, "living room", mode=mode, filter={"colour": "red"}) == ["sofa"]
    assert "tv" not in found(searcher, index, "red living room", mode=mode)[:1]
    by = [{"filter": {"colour": "red"}, "weight": -5}]
    assert found(searcher, ruled(goods, boosts=by), "blue living", mode=mode)[0] not in (
        "sofa",
        "lamp",
    )
    by = [{"filter": {"nonsense": 1}, "weight": 5}]
    assert found(searcher, ruled(goods, boosts=by), "sofa", mode=mode)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "rules.json: Invalid JSON"),
        ("[]", "rules.json: Input should be an object"),
        ('{"synonym": []}', "rules.json: synonym: Extra inputs"),
        ('{"pins": [{"query": "a"}]}', "rules.json: pins.0.ids: Field required"),
        ('{"pins": [{"query": "a", "ids": []}]}', "pins.0.ids: Tuple should have at least 1"),
        ('{"synonyms": [{"words": ["a"]}]}', "synonyms.0: one word alone has no synonym"),
        ('{"boosts": [{"filter": {}, "weight": 99}]}', "boosts.0.weight: Input should be less"),
        ('{"hidden": [7]}', "hidden.0: Input should be a valid string"),
        (" " * (MAX_RULES_BYTES + 1), "so shorten it"),
    ],
)
def test_faulty_rules_are_refused_by_place(text: str, problem: str) -> None:
    with pytest.raises(InvalidRules, match=problem):
        Rules.parse(text.encode(), "rules.json")


def test_a_searched_index_follows_its_rules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = IndexRepository.open(str(tmp_path))
    live = LiveRules()
    assert live.current(repository) is NO_RULES
    repository.folder.put(Layout.RULES, b'{"hidden": ["a"]}')
    assert live.current(repository).hidden == ("a",)
    repository.folder.put(Layout.RULES, b'{"hidden": "a"}')
    assert live.current(repository).hidden == ("a",)
    assert "hidden: Input should be a valid array" in capsys.readouterr().out
    repository.folder.delete([Layout.RULES])
    assert live.current(repository) is NO_RULES


def test_the_service_follows_rules(library: Library, run: Run, tmp_path: Path) -> None:
    from handler.service import Service

    service = Service.open(library.settings(poll_seconds=0))
    request = SearchRequest(query="mystery", mode="keyword")

    def ids() -> list[str]:
        hits = service.searcher.search(service.index(), request).hits
        return [hit.document.id for hit in hits]

    before = ids()
    file = tmp_path / "rules.json"
    file.write_text('{"hidden": ["bare"], "pins": [{"query": "mystery", "ids": ["/rooted"]}]}')
    where = ("--store", library.store)
    try:
        assert "1 pins, 1 hidden" in run("rules", "check", file, *where).out
        assert run("rules", "put", file, *where).code == 0
        service.live().refresh()
        after = ids()
    finally:
        (library.store / "indexes/default/rules.json").unlink()
    assert after == ["/rooted", *(each for each in before if each != "bare")]
    file.write_text('{"hidden": ["gone"], "boosts": [{"filter": {"colour": 1}, "weight": 1}]}')
    outcome = run("rules", "check", file, *where)
    assert outcome.code == 1
    assert "hidden: the index has no document with id 'gone'" in outcome.out
    assert "boosts.0.filter: 'colour' is no field" in outcome.out
    file.write_text('{"pins": 3}')
    assert run("rules", "check", file).code == 1
