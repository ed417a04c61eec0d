"""What is syntax in a query, what is words, and which documents a condition leaves."""

from typing import get_args

import pytest

from handler.encoder import Encoder
from handler.index.index_version import IndexVersion
from handler.search.query_language import parse
from handler.search.request import Mode, SearchRequest
from handler.search.searcher import Searcher
from tests.handler.indexes import build, document

MODES: tuple[Mode, ...] = get_args(Mode)
BOOKS = [
    document("car", "The jaguar is a fast car.", "Jaguar cars", author="Ann Lee", year=1999),
    document("cat", "The jaguar is a big cat of the forest.", "Jaguar", author="Bo Ek", year=2001),
    document("cook", "A well-known author cooks.", "Kitchen", author="Ann Lee", tags=["food"]),
    document(
        "poe", "A raven speaks.", "Raven", author="Edgar Allan Poe", year=1845, day="1845-01-29"
    ),
    document("sea", "Big fast ships, and the big sea.", "Sea", kind="C:\\ship", year=2001, ok=True),
]
ALL = {book.id for book in BOOKS}


@pytest.fixture(scope="module")
def index(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> IndexVersion:
    return build(tmp_path_factory.mktemp("language") / "v", BOOKS, encoder)


@pytest.fixture(scope="module")
def searcher(encoder: Encoder) -> Searcher:
    return Searcher(encoder)


def left(index: IndexVersion, query: str) -> set[str]:
    """Return the ids of the documents that meet the conditions of `query`."""
    condition = parse(query, index).condition
    if condition is None:
        return ALL
    return {index.document(row).id for row in index.text.rows(condition, 10).tolist()}


@pytest.mark.parametrize(
    ("query", "text", "ids"),
    [
        ("jaguar -car", "jaguar", ALL - {"car"}),
        ("jaguar -cars", "jaguar", ALL - {"car"}),
        ("-car jaguar -forest", "jaguar", ALL - {"car", "cat"}),
        ('jaguar -"big cat"', "jaguar", ALL - {"cat"}),
        ("jaguar -“big cat”", "jaguar", ALL - {"cat"}),
        ("jaguar NOT car", "jaguar", ALL - {"car"}),
        ('jaguar NOT "big cat" fast', "jaguar fast", ALL - {"cat"}),
        ("books -well-known", "books", ALL - {"cook"}),
        ('"big cat"', '"big cat"', {"cat"}),
        ('jaguar "big cat"', 'jaguar "big cat"', {"cat"}),
        ("author:poe raven", "raven", {"poe"}),
        ('author:"Ann Lee"', "", {"car", "cook"}),
        ("Author:ann -author:bo", "", {"car", "cook"}),
        ("big NOT author:bo", "big", ALL - {"cat"}),
        ("title:jaguar car", "car", {"car", "cat"}),
        ("id:sea", "", {"sea"}),
        ("tags:food", "", {"cook"}),
        ("big year:2001", "big", {"cat", "sea"}),
        ("year:<2000", "", {"car", "poe"}),
        ("year:1990..2000 jaguar", "jaguar", {"car"}),
        ("ok:true", "", {"sea"}),
        ("day:<1900-01-01", "", {"poe"}),
        ("raven OR forest", "raven forest", {"poe", "cat"}),
        ("(raven OR forest) big", "(raven forest) big", {"poe", "cat"}),
        ("year:1845 OR year:1999", "", {"poe", "car"}),
        ('"big cat" OR raven OR kitchen', '"big cat" raven kitchen', {"cat", "poe", "cook"}),
        ("big AND jaguar", "big jaguar", {"cat"}),
        ("big AND NOT jaguar", "big", {"sea"}),
        ("-car", "", ALL - {"car"}),
    ],
)
def test_syntax(index: IndexVersion, query: str, text: str, ids: set[str]) -> None:
    assert parse(query, index).text == text
    assert left(index, query) == ids


@pytest.mark.parametrize(
    "query",
    [
        "a well-known author",
        "jaguar - car",
        "--car",
        "stored at -80 °C",
        "TO BE OR NOT TO BE",
        "NOT",
        "OR",
        "jaguar OR",
        "AND jaguar",
        "jaguar NOT",
        "NOT (jaguar OR car)",
        "-(jaguar car)",
        "either or not",
        "colour:red",
        "Batman: Year One",
        "title:",
        "year:nineteen",
        "year:1..2..3",
        "https://example.org:80/x?y=1",
        "std::vector",
        '"unclosed',
        '""',
        '"?!"',
        '5\'10" tall, 7" wide',
        "((((",
        "[a TO b] x^2 ~ /y/ \\ *",
        'What does "big cat" mean to you',
        "jaguar " + "and so on " * 20 + ' -car NOT big "big sea"',
    ],
)
def test_what_is_no_syntax_is_words(index: IndexVersion, query: str) -> None:
    assert parse(query, index).text == query
    assert left(index, query) == ALL


@pytest.mark.parametrize("mode", MODES)
def test_conditions_hold_in_every_mode(searcher: Searcher, index: IndexVersion, mode: Mode) -> None:
    def found(query: str, **options: object) -> set[str]:
        request = SearchRequest.model_validate({"query": query, "mode": mode, **options})
        return {hit.document.id for hit in searcher.search(index, request).hits}

    assert "car" not in found("jaguar -car")
    assert "cat" in found("jaguar -car")
    assert found('jaguar "big cat"') == {"cat"}
    assert found("jaguar author:bo") == {"cat"}
    assert found("-car") == ALL - {"car"}
    assert found("author:ann", filter={"year": 1999}) == {"car"}
    assert found("jaguar", filter={"year": {"$gt": 1999}}) <= {"cat", "sea"}


@pytest.mark.parametrize("quotes", ['""', "“”", "„“", "«»", "„”"])
def test_quotes_that_are_nearly_all_of_a_query_must_occur(index: IndexVersion, quotes: str) -> None:
    assert left(index, f"{quotes[0]}fast ships{quotes[1]}") == {"sea"}
    assert left(index, f"{quotes[0]}ships fast{quotes[1]}") == set()
    assert left(index, f"jaguar {quotes[0]}cars{quotes[1]}") == {"car"}
    assert left(index, f"I ask for {quotes[0]}fast ships{quotes[1]}") == ALL


def test_what_is_excluded_is_not_searched_for(searcher: Searcher, index: IndexVersion) -> None:
    request = SearchRequest(query="jaguar -forest", highlight=True, facets=["author"])
    plain = SearchRequest(query="jaguar", highlight=True, filter={"author": {"$ne": "Bo Ek"}})
    answer, expected = searcher.search(index, request), searcher.search(index, plain)
    assert [hit.highlight for hit in answer.hits] == [hit.highlight for hit in expected.hits]
    assert {count.value for count in answer.facets["author"]} == {"Ann Lee", "Edgar Allan Poe"}
