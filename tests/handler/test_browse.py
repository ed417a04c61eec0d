"""Browsing and arranging: empty queries, totals, facets in full, one hit a group, variety."""

from pathlib import Path
from typing import Any

import pytest

from handler.corpus.document import Document
from handler.encoder import Encoder
from handler.errors import InvalidRequest
from handler.index.engine import FacetCount
from handler.index.index_version import IndexVersion
from handler.search.answer import Answer
from handler.search.request import SearchRequest
from handler.search.searcher import Searcher
from handler.settings import Settings
from tests.handler.indexes import build

AUTHORS = ["Émile Zola", "émile zola", "Stephen King", "Stephen (S.) King+", "C. S. Lewis", "x\ny"]


def book(number: int) -> Document:
    return Document(
        id=f"b{number}",
        title=f"Book {number}",
        text=f"A story about the sea and a ship, told in part {number}.",
        url="",
        metadata={
            "author": AUTHORS[number % 6],
            "year": 1900 + number,
            "price": number / 4,
            "day": f"2020-01-{1 + number % 28:02}",
            "tags": ["sea", "ship"] if number % 2 else ["sea"],
        },
    )


@pytest.fixture(scope="module")
def index(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> IndexVersion:
    return build(tmp_path_factory.mktemp("browse") / "v", [book(n) for n in range(60)], encoder)


@pytest.fixture(scope="module")
def searcher(encoder: Encoder) -> Searcher:
    return Searcher(encoder)


@pytest.fixture
def asked(searcher: Searcher, index: IndexVersion) -> Any:
    def ask(query: str = "", **options: Any) -> Answer:
        request = SearchRequest(query=query, **options).within(Settings())
        return searcher.search(index, request)

    return ask


def ids(answer: Answer) -> list[str]:
    return [hit.document.id for hit in answer.hits]


def test_nothing_is_searched_for_and_all_is_sorted_and_counted(asked: Any) -> None:
    answer = asked(sort="-year", facets=["tags"], total=True, k=3)
    assert ids(answer) == ["b59", "b58", "b57"]
    assert answer.facets["tags"] == [FacetCount("sea", 60), FacetCount("ship", 30)]
    assert answer.total is not None
    assert (answer.total.documents, answer.total.exact) == (60, True)
    assert ids(asked(filter={"year": {"$lt": 1902}})) == ["b0", "b1"]


def test_an_empty_query_alone_says_what_is_missing(asked: Any) -> None:
    with pytest.raises(InvalidRequest, match="query is empty; say what to search for"):
        asked(" ")


def test_totals_are_exact_for_words_and_a_floor_for_meaning(asked: Any) -> None:
    words = asked("part 7", mode="keyword", total=True)
    assert (words.total.documents, words.total.exact) == (60, True)
    both = asked("ship", total=True)
    assert (both.total.documents, both.total.exact) == (60, False)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"author": {"$startsWith": "Stephen"}}, {"Stephen King", "Stephen (S.) King+"}),
        ({"author": {"$startsWith": "Stephen ("}}, {"Stephen (S.) King+"}),
        ({"author": {"$contains": "King+"}}, {"Stephen (S.) King+"}),
        ({"author": {"$contains": "."}}, {"Stephen (S.) King+", "C. S. Lewis"}),
        ({"author": {"$contains": "\n"}}, {"x\ny"}),
        ({"author": {"$ieq": "ÉMILE ZOLA"}}, {"Émile Zola", "émile zola"}),
        ({"author": {"$ieq": "zola"}}, set()),
        ({"tags": {"$contains": "ship"}}, set(AUTHORS[1::2])),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_texts_are_filtered_by_their_parts(
    asked: Any, condition: dict[str, Any], expected: set[str]
) -> None:
    found = asked(filter=condition, k=60).hits
    assert {hit.document.metadata["author"] for hit in found} == expected


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ({"year": {"$startsWith": "19"}}, "'year' is of type integer"),
        ({"author": {"$startsWith": ""}}, "compares texts"),
        ({"author": {"$ieq": 7}}, "compares texts"),
        ({"author": {"$contains": "x" * 65}}, "has 65 characters, 64 at most"),
        ({"$or": [{"author": {"$startsWith": "x"}}] * 9}, "more than 8 of"),
    ],
    ids=str,
)
def test_patterns_that_can_not_be_used(asked: Any, condition: Any, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        asked(filter=condition)


def test_facets_of_numbers_and_dates_have_their_spread(asked: Any) -> None:
    spreads = asked(facets=["year", "price", "day", "author"], sort="year").spreads
    assert spreads.keys() == {"year", "price", "day"}
    year = spreads["year"]
    assert (year.least, year.greatest, year.mean) == (1900, 1959, 1929.5)
    assert [(each.start, each.documents) for each in year.histogram[:2]] == [(1900, 3), (1903, 3)]
    assert sum(each.documents for each in spreads["price"].histogram) == 60
    assert (spreads["day"].least, spreads["day"].greatest) == ("2020-01-01", "2020-01-28")


def test_values_of_facets_are_searched_and_limited(asked: Any) -> None:
    found = asked(facets=["author"], facet_query="ZOLA").facets["author"]
    assert {each.value for each in found} == {"Émile Zola", "émile zola"}
    assert len(asked(facets=["year"], facet_values=45).facets["year"]) == 45
    assert {each.value for each in asked(facets=["year"], facet_query="190").facets["year"]} == set(
        range(1900, 1910)
    )


def test_a_chosen_value_does_not_hide_the_others(asked: Any) -> None:
    choice = {"author": "Stephen King", "year": {"$lt": 1930}}
    for condition in (
        choice,
        {"$and": [choice]},
        {"$and": [{"author": {"$in": ["Stephen King"]}}]},
    ):
        found = asked("ship", filter=condition, facets=["author", "tags"])
        assert len(found.facets["author"]) == 6
        assert {hit.document.metadata["author"] for hit in found.hits} == {"Stephen King"}
    assert found.facets["tags"] == [FacetCount("sea", 10)]


def test_each_group_is_shown_once_and_the_page_is_full(asked: Any) -> None:
    answer = asked("ship", distinct="author", k=6)
    assert {hit.document.metadata["author"] for hit in answer.hits} == set(AUTHORS)
    assert [hit.others for hit in answer.hits] == [9] * 6
    second = asked("ship", distinct="author", k=4, offset=4)
    assert len(second.hits) == 2
    with pytest.raises(InvalidRequest, match="can't be shown once"):
        asked("ship", distinct="shelf")


def test_weights_of_meaning_and_words(asked: Any) -> None:
    meaning = ids(asked("part 7 of the sea", semantic_ratio=1.0, k=60))
    words = ids(asked("part 7 of the sea", semantic_ratio=0.0, k=60))
    assert words[0] == "b7"
    assert meaning != words
    assert ids(asked("part 7 of the sea", semantic_ratio=0.5)) == ids(asked("part 7 of the sea"))


def test_a_floor_leaves_hits_with_words(asked: Any) -> None:
    assert asked("zzzz", mode="semantic", min_score=1.0).hits == []
    assert ids(asked("part 7", mode="hybrid", min_score=1.0, k=60))


def test_diversity_keeps_the_best_hit_and_loses_none(asked: Any) -> None:
    plain, mixed = ids(asked("ship", k=60)), ids(asked("ship", k=60, diversity=0.7))
    assert mixed[0] == plain[0]
    assert sorted(mixed) == sorted(plain)


def test_near_duplicates_collapse(searcher: Searcher, encoder: Encoder, tmp_path: Path) -> None:
    texts = ["The same text, word by word.", "The same text, word by word!", "Snow on a mountain."]
    documents = [
        Document(id=f"d{n}", title="", text=text, url="", metadata={})
        for n, text in enumerate(texts)
    ]
    twins = build(tmp_path / "v", documents, encoder)
    found = searcher.search(twins, SearchRequest(query="the same text", collapse=True))
    assert len({"d0", "d1"} & set(ids(found))) == 1


def test_a_field_counts_beside_relevance(asked: Any) -> None:
    newest = asked("ship", rank={"field": "year", "scale": "linear", "weight": 1.0}, k=3)
    assert ids(newest) == ["b59", "b58", "b57"]
    oldest = {"field": "year", "scale": "log", "weight": 1.0, "descending": False}
    assert ids(asked("ship", rank=oldest, k=2)) == ["b0", "b1"]
    recent = {"field": "day", "scale": "recency", "weight": 1.0, "half_life_days": 3650}
    assert asked("ship", rank=recent).hits[0].document.metadata["day"] == "2020-01-28"
    unmoved = {"field": "year", "weight": 0.0}
    assert ids(asked("ship", rank=unmoved)) == ids(asked("ship"))


@pytest.mark.parametrize(
    ("rank", "problem"),
    [
        ({"field": "shelf"}, "'shelf' can't be ranked by"),
        ({"field": "author"}, "'author' is of type string; scale 'log' takes numbers"),
        ({"field": "year", "scale": "recency"}, "scale 'recency' takes dates"),
    ],
    ids=str,
)
def test_fields_that_can_not_count(asked: Any, rank: Any, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        asked("ship", rank=rank)


def test_a_vector_searches_in_place_of_a_query(
    asked: Any, encoder: Encoder, index: IndexVersion
) -> None:
    vector = (3 * encoder.encode(["a story about the sea"], "query")[0]).tolist()
    by_vector = asked(vector=vector, mode="semantic")
    assert ids(by_vector) == ids(asked("a story about the sea", mode="semantic"))
    assert ids(asked(vector=vector)) == ids(by_vector)
    with pytest.raises(InvalidRequest, match=f"vector has 2 numbers; this index has {len(vector)}"):
        asked(vector=[1.0, 2.0])
    with pytest.raises(InvalidRequest, match="vector has no direction"):
        asked(vector=[0.0] * len(vector))


def test_similar_to_several_and_unlike_one(searcher: Searcher, index: IndexVersion) -> None:
    found = ids(searcher.similar(index, ["b1", "b2"], 10))
    assert len(found) == 10
    assert not {"b1", "b2"} & {*found}
    other = ids(searcher.similar(index, ["b1", "b2"], 10, ["b3"]))
    assert "b3" not in other
    assert other != found


def test_what_is_no_nearer_than_nonsense_is_not_close(asked: Any, index: IndexVersion) -> None:
    quality = index.manifest.quality
    quality["noise"] = 0.999999
    try:
        assert asked("zzzz", mode="semantic").nothing_close
        assert not asked("ship").nothing_close  # words matched
        quality["noise"] = -1.0
        assert not asked("zzzz", mode="semantic").nothing_close
    finally:
        del quality["noise"]
    assert not asked("zzzz", mode="semantic").nothing_close
