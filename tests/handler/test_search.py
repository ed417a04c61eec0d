"""From queries to answers: pages, facets, sorts, highlights, explanations, odd documents."""

import html
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import handler.search.ranking
import handler.search.searcher
from handler.corpus.document import Document
from handler.corpus.passages import Split
from handler.encoder import Encoder
from handler.errors import DocumentNotFound, InvalidRequest
from handler.index.analysis import analyzer
from handler.index.engine import FacetCount
from handler.index.index_version import IndexVersion
from handler.index.writer import Options
from handler.search.answer import Hit
from handler.search.highlight import closest_sentence, mark, word_spans
from handler.search.request import Mode, SearchRequest
from handler.search.searcher import Searcher
from tests.export.tiny import LICENSE
from tests.handler.indexes import build, document

MODES: tuple[Mode, ...] = get_args(Mode)
WORDS = [word for word in LICENSE.read_text("utf-8").lower().split() if word.isalpha()]
COLOURS = ["red", "green", "blue", "Ångström & <b>"]


def some_documents(count: int) -> list[Document]:
    rng = random.Random(1)
    documents = []
    for number in range(count):
        text = ". ".join(
            " ".join(rng.choices(WORDS[:300], k=rng.randint(3, 12)))
            for _ in range(rng.randint(1, 6))
        )
        metadata: dict[str, Any] = {
            "colour": rng.choice(COLOURS),
            "tags": rng.sample(COLOURS, rng.randint(0, 3)),
            "long": "x" * 300,
        }
        if rng.random() < 0.8:
            metadata |= {"year": rng.randint(1900, 1910), "day": f"{rng.randint(1500, 2500)}-01-01"}
        documents.append(document(number, text, " ".join(rng.choices(WORDS[:60], k=2)), **metadata))
    return documents


DOCUMENTS = some_documents(260)
QUERY = "permissions entity"
RARE = "apache"


@pytest.fixture(scope="module")
def searcher(encoder: Encoder) -> Searcher:
    return Searcher(encoder)


@pytest.fixture(scope="module")
def index(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> IndexVersion:
    return build(
        tmp_path_factory.mktemp("search") / "v", DOCUMENTS, encoder, Options(Split(24, 6), "f16")
    )


def ids(hits: list[Hit]) -> list[int]:
    return [int(hit.document.id) for hit in hits]


def pages(searcher: Searcher, index: IndexVersion, size: int, **wishes: Any) -> list[int]:
    """Return the ids of all hits, page by page until one is empty."""
    found: list[int] = []
    while page := ids(
        searcher.search(index, SearchRequest(k=size, offset=len(found), **wishes)).hits
    ):
        assert (
            len(page) == size
            or not searcher.search(
                index, SearchRequest(k=size, offset=len(found) + size, **wishes)
            ).hits
        )
        found += page
    return found


WISHES: list[dict[str, Any]] = [
    {},
    {"filter": {"colour": "red"}},
    {"sort": "year"},
    {"sort": "-day", "filter": {"year": {"$lt": 1906}}},
]


@pytest.mark.parametrize("wish", WISHES, ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_pages_neither_repeat_nor_skip(
    searcher: Searcher,
    index: IndexVersion,
    mode: Mode,
    wish: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (handler.search.ranking, handler.search.searcher):
        monkeypatch.setattr(module, "POOLS", (15, 40))
    found = pages(searcher, index, 7, query=QUERY, mode=mode, **wish)
    assert len(found) == len(set(found))
    assert len(found) > 14
    for size in (1, 13, 100):
        assert (
            ids(searcher.search(index, SearchRequest(query=QUERY, k=size, mode=mode, **wish)).hits)
            == found[:size]
        )
    at_once = ids(
        searcher.search(index, SearchRequest(query=QUERY, k=1000, mode=mode, **wish)).hits
    )
    assert at_once == found
    if mode == "keyword":
        passing = [n for n in having(QUERY) if passes(DOCUMENTS[n], wish.get("filter"))]
        assert sorted(found) == passing


def having(query: str) -> list[int]:
    """Return the documents with a form of a word of the query, by the index's own analysis."""
    words = analyzer("english")
    wanted = set(words.analyze(query))
    return [n for n, each in enumerate(DOCUMENTS) if wanted & set(words.analyze(all_words(each)))]


def all_words(each: Document) -> str:
    tags = each.metadata["tags"]
    assert isinstance(tags, list)
    return " ".join([each.title, each.text, str(each.metadata["colour"]), *tags])


def value(number: int, field: str) -> Any:
    return DOCUMENTS[number].metadata.get(field)


def passes(each: Document, condition: dict[str, Any] | None) -> bool:
    year = each.metadata.get("year")
    return {
        "None": True,
        "colour": each.metadata["colour"] == "red",
        "year": isinstance(year, int) and year < 1906,
    }[next(iter(condition or ["None"]))]


@pytest.mark.parametrize("mode", MODES)
def test_an_offset_past_the_end_and_more_than_there_is(
    searcher: Searcher, index: IndexVersion, mode: Mode
) -> None:
    assert searcher.search(index, SearchRequest(query=QUERY, offset=1000, mode=mode)).hits == []
    everything = searcher.search(index, SearchRequest(query=QUERY, k=5000, mode=mode)).hits
    assert len(everything) == (len(having(QUERY)) if mode == "keyword" else len(DOCUMENTS))
    assert [hit.document for hit in everything] == [DOCUMENTS[n] for n in ids(everything)]
    scores = [hit.score for hit in everything if hit.score is not None]
    assert len(scores) == len(everything)
    if mode != "hybrid":
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("field", ["year", "day", "colour"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_sorting_by_metadata(
    searcher: Searcher, index: IndexVersion, field: str, sign: str
) -> None:
    hits = searcher.search(
        index, SearchRequest(query=QUERY, k=1000, mode="keyword", sort=sign + field)
    ).hits
    assert sorted(ids(hits)) == having(QUERY)
    values = [hit.document.metadata.get(field) for hit in hits]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=sign == "-")
    assert values == known + [None] * (len(values) - len(known))


@pytest.mark.parametrize("mode", MODES)
def test_facets_count_what_matches(searcher: Searcher, index: IndexVersion, mode: Mode) -> None:
    request = SearchRequest(query=QUERY, k=3, mode=mode, facets=["colour", "tags", "year"])
    first = searcher.search(index, request)
    matched = set() if mode == "semantic" else set(having(QUERY))
    if mode != "keyword":
        matched |= set(
            ids(searcher.search(index, SearchRequest(query=QUERY, k=100, mode=mode)).hits)
        )
    for field in request.facets:
        values = [DOCUMENTS[n].metadata.get(field, []) for n in matched]
        expected = Counter(
            item for value in values for item in (value if isinstance(value, list) else [value])
        )
        assert {count.value: count.documents for count in first.facets[field]} == expected
        counts = [count.documents for count in first.facets[field]]
        assert counts == sorted(counts, reverse=True)
    second = searcher.search(
        index, SearchRequest(query=QUERY, k=3, offset=150, mode=mode, facets=request.facets)
    )
    assert second.facets == first.facets


def test_facets_of_a_filtered_search(searcher: Searcher, index: IndexVersion) -> None:
    condition = {"colour": {"$in": ["red", "blue"]}, "year": {"$gte": 1905}}
    answer = searcher.search(
        index, SearchRequest(query=QUERY, mode="keyword", filter=condition, facets=["colour"])
    )
    passing = [n for n in having(QUERY) if (value(n, "year") or 0) >= 1905]
    expected = Counter(value(n, "colour") for n in passing)
    # Values that the filter does not choose are counted as if it chose none.
    assert set(answer.facets["colour"]) == {
        FacetCount(colour, expected[colour]) for colour in expected
    }
    nothing = searcher.search(
        index, SearchRequest(query=QUERY, filter={"year": 1}, facets=["colour"])
    )
    assert (nothing.hits, nothing.facets) == ([], {"colour": []})


BAD: list[tuple[dict[str, Any], str]] = [
    ({"facets": [""]}, "'' can't be counted; fields that can: colour, tags, year, day"),
    ({"facets": ["colour", "size"]}, "'size' can't be counted"),
    ({"facets": ["long"]}, "'long' can't be counted"),
    ({"sort": "size"}, "'size' can't be sorted by; fields that can: colour"),
    ({"sort": "-"}, "'' can't be sorted by"),
    ({"sort": "--year"}, "'-year' can't be sorted by"),
    ({"sort": "long"}, "'long' can't be sorted by"),
    ({"sort": "tags"}, "'tags' has lists of values, which have no order; sort by another field"),
    ({"filter": {"size": 1}}, "'size' is no field of this index; fields to filter by: "),
]


@pytest.mark.parametrize(("wish", "problem"), BAD)
@pytest.mark.parametrize("mode", MODES)
def test_wishes_that_the_fields_dont_allow(
    searcher: Searcher, index: IndexVersion, mode: Mode, wish: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        searcher.search(index, SearchRequest(query=QUERY, mode=mode, **wish))
    known = re.split(r"fields (?:that can|to filter by): ", str(caught.value))
    assert str(caught.value).startswith(problem.partition(": ")[0])
    assert len(known) == 1 or {part.partition(" ")[0] for part in known[1].split(", ")} == {
        "colour",
        "tags",
        "year",
        "day",
    }


def test_an_empty_filter_filters_nothing(searcher: Searcher, index: IndexVersion) -> None:
    assert (
        searcher.search(index, SearchRequest(query=QUERY, filter={})).hits
        == searcher.search(index, SearchRequest(query=QUERY)).hits
    )


def test_explanations_add_up(searcher: Searcher, index: IndexVersion, encoder: Encoder) -> None:
    hits = searcher.search(index, SearchRequest(query=RARE, k=1000, explain=True)).hits
    vector = encoder.encode([RARE], "query")[0]
    matching = having(RARE)
    assert 10 < len(matching) < 100
    for hit in hits:
        why = hit.explanation
        assert why is not None
        assert hit.score == pytest.approx((why["semantic"] + why["keyword"]) / 2)  # type: ignore[operator]
        start, end = hit.passage
        passage = encoder.encode(
            [f"{hit.document.title} {hit.document.text[start:end]}"], "document"
        )[0]
        assert why["cosine"] == pytest.approx(float(passage @ vector), abs=2e-3)
        assert (
            (why["keyword_rank"] is None)
            == (why["bm25"] == 0)
            == (int(hit.document.id) not in matching)
        )
    ranks = sorted(hit.explanation["semantic_rank"] for hit in hits if hit.explanation)  # type: ignore[type-var]
    assert ranks[0] == 1
    assert ranks[-1] == pytest.approx(len(hits), abs=3)
    best = max(hits, key=lambda hit: hit.explanation["bm25"])  # type: ignore[index, arg-type, return-value]
    assert best.explanation is not None
    assert best.explanation["keyword_rank"] == 1


def test_explanations_of_one_part_alone(searcher: Searcher, index: IndexVersion) -> None:
    [semantic] = searcher.search(
        index, SearchRequest(query=QUERY, k=1, mode="semantic", explain=True)
    ).hits
    [keyword] = searcher.search(
        index, SearchRequest(query=QUERY, k=1, mode="keyword", explain=True)
    ).hits
    assert semantic.explanation is not None
    assert keyword.explanation is not None
    assert semantic.explanation["cosine"] == semantic.score
    assert [semantic.explanation[name] for name in ("bm25", "keyword", "keyword_rank")] == [
        None
    ] * 3
    assert keyword.explanation["bm25"] == keyword.score
    assert [keyword.explanation[name] for name in ("cosine", "semantic", "semantic_rank")] == [
        None
    ] * 3
    assert (semantic.explanation["semantic_rank"], keyword.explanation["keyword_rank"]) == (1, 1)
    assert searcher.search(index, SearchRequest(query=QUERY, k=1)).hits[0].explanation is None


def test_a_query_is_encoded_once(encoder: Encoder, index: IndexVersion) -> None:
    encoded: list[str] = []

    class Counting(Encoder):
        def encode(self, texts: Any, kind: Any) -> Any:
            encoded.extend(texts)
            return encoder.encode(texts, kind)

    counting = Counting(encoder.manifest, encoder.tokenizer, encoder._session)
    searcher = Searcher(counting, cached_queries=2)
    for text in ("a", "a", "b", "a", "c", "b"):
        searcher.search(index, SearchRequest(query=text))
    searcher.search(index, SearchRequest(query="never", mode="keyword"))
    assert encoded == ["a", "b", "c", "b"]


def test_similar_documents(searcher: Searcher, index: IndexVersion, encoder: Encoder) -> None:
    answer = searcher.similar(index, ["17"], 10)
    assert len(answer.hits) == 10
    assert 17 not in ids(answer.hits)
    mean = index.vectors.vectors(index.passages_of(np.array([17]))).mean(axis=0)
    own = [
        (index.vectors.vectors(index.passages_of(np.array([n]))) @ mean).max()
        for n in range(len(DOCUMENTS))
    ]
    best = [n for n in np.argsort(-np.array(own)).tolist() if n != 17]
    assert len(set(ids(answer.hits)) & set(best[:10])) >= 9
    assert len(searcher.similar(index, ["17"], 1000).hits) == len(DOCUMENTS) - 1
    with pytest.raises(DocumentNotFound, match="index 'default' has no document with id 'nobody'"):
        searcher.similar(index, ["nobody"], 5)


# Highlights


def unmarked(marked: str) -> str:
    """Return the text of a highlight, after a check that it has no tag but <mark>."""
    assert re.sub(r"</?mark>", "", marked).count("<") == 0
    return html.unescape(re.sub(r"</?mark>", "", marked))


def marks(marked: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r"<mark>(.*?)</mark>", marked, re.DOTALL)]


ODD = [
    document(
        "html",
        'Runners <script>alert("run")</script> & <b>running</b> <mark>fast</mark>.',
        "<i>Run</i>",
    ),
    document("cjk", "京都の庭を歩く。東京都とは違う。"),
    document("hebrew", "שלום עולם, ספר על שלום. עוד משפט."),
    document("arabic", "كتاب عن السلام. جملة أخرى."),
    document("emoji", "🙂👩‍👩‍👧 Running 🏃🏽‍♀️ ran. Naïve cafés 🇩🇪!"),
    document("title", "", "Only a running title"),
    document("thai", "ภาษาไทยไม่มีช่องว่าง"),
    document("plain", "The work is under a licence. It grants the right to use it."),
]


@pytest.fixture(scope="module")
def odd(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> IndexVersion:
    return build(tmp_path_factory.mktemp("odd") / "v", ODD, encoder)


@pytest.mark.parametrize(
    ("query", "key", "marked"),
    [
        ("runs", "html", ["run", "running"]),
        ("alert script", "html", ["script", "alert", "script"]),
        ("mark", "html", ["mark", "mark"]),
        ("京都", "cjk", ["京都", "京都"]),
        ("東京都", "cjk", ["京都", "東京都"]),
        ("שלום", "hebrew", ["שלום", "שלום"]),
        ("السلام", "arabic", ["السلام"]),
        ("run cafe NAIVE", "emoji", ["Running", "Naïve", "cafés"]),
        ("runs", "title", ["running"]),
        ("ภาษาไทย", "thai", ["ภาษาไทย"]),
        ("the right", "plain", ["right"]),
    ],
)
@pytest.mark.parametrize("mode", ["keyword", "hybrid"])
def test_words_are_marked_by_their_stems(
    searcher: Searcher, odd: IndexVersion, mode: Mode, query: str, key: str, marked: list[str]
) -> None:
    hits = searcher.search(odd, SearchRequest(query=query, k=20, mode=mode, highlight=True)).hits
    [hit] = [hit for hit in hits if hit.document.id == key]
    assert hit.highlight is not None
    assert unmarked(hit.highlight) == (hit.document.text or hit.document.title)
    assert [word.lower() for word in marks(hit.highlight)] == [word.lower() for word in marked]


def test_every_highlight_is_safe(searcher: Searcher, odd: IndexVersion) -> None:
    for query in ('<script>alert("run")</script>', "run & <mark>", "zzz", "🙂"):
        for mode in MODES:
            for hit in searcher.search(
                odd, SearchRequest(query=query, k=20, mode=mode, highlight=True)
            ).hits:
                assert hit.highlight is not None
                assert unmarked(hit.highlight) == (hit.document.text or hit.document.title)


def test_the_closest_sentence_is_marked_where_no_word_matches(
    searcher: Searcher, odd: IndexVersion, encoder: Encoder
) -> None:
    hits = searcher.search(
        odd, SearchRequest(query="grantor", mode="semantic", highlight=True)
    ).hits
    [hit] = [hit for hit in hits if hit.document.id == "plain"]
    sentences = ["The work is under a licence.", "It grants the right to use it."]
    cosines = encoder.encode(sentences, "document") @ encoder.encode(["grantor"], "query")[0]
    assert hit.highlight is not None
    assert marks(hit.highlight) == [sentences[int(cosines.argmax())]]


def test_marks_are_disjoint_and_in_order() -> None:
    assert mark("a<b>c", [(1, 2), (3, 5)]) == "a<mark>&lt;</mark>b<mark>&gt;c</mark>"
    assert mark('"x"', []) == "&quot;x&quot;"
    assert word_spans("東京都", ["東京", "京都"], analyzer("english")) == [(0, 3)]
    assert word_spans("cats 🙂 Cat's CAT", ["cat"], analyzer("english")) == [
        (0, 4),
        (7, 10),
        (13, 16),
    ]
    assert word_spans("", ["cat"], analyzer("english")) == []


def test_one_sentence_is_not_marked_as_the_closest() -> None:
    vectors = np.eye(2, 3, dtype=np.float32)
    assert closest_sentence(([(0, 5), (6, 9)], vectors), vectors[1]) == [(6, 9)]
    assert closest_sentence(([(0, 5)], vectors[:1]), vectors[0]) == []


# Corpora of every odd kind


@pytest.mark.parametrize("mode", MODES)
def test_one_document(searcher: Searcher, encoder: Encoder, mode: Mode, tmp_path: Path) -> None:
    one = build(tmp_path / "v", [document("only", "The work.", year=1990)], encoder)
    answer = searcher.search(
        one,
        SearchRequest(
            query="work", k=100, mode=mode, facets=["year"], highlight=True, explain=True
        ),
    )
    [hit] = answer.hits
    assert hit.document.id == "only"
    assert answer.facets == {"year": [FacetCount(1990, 1)]}
    assert searcher.search(one, SearchRequest(query="work", offset=1, mode=mode)).hits == []
    assert len(searcher.search(one, SearchRequest(query="work", sort="-year", mode=mode)).hits) == 1
    assert (
        searcher.search(one, SearchRequest(query="work", filter={"year": 1991}, mode=mode)).hits
        == []
    )
    assert searcher.similar(one, ["only"], 10).hits == []
    assert len(searcher.search(one, SearchRequest(query="🙂", mode=mode)).hits) == (
        0 if mode == "keyword" else 1
    )


@pytest.fixture(scope="module")
def identical(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> IndexVersion:
    """Return an index of ten thousand documents that differ in nothing but their ids."""
    documents = [
        document(number, "The same work.", same=1, parity=number % 2) for number in range(10_000)
    ]
    return build(tmp_path_factory.mktemp("identical") / "v", documents, encoder)


@pytest.mark.parametrize("wish", [{}, {"sort": "-same"}, {"filter": {"parity": 1}}], ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_ten_thousand_identical_documents(
    searcher: Searcher, identical: IndexVersion, mode: Mode, wish: dict[str, Any]
) -> None:
    found: list[int] = []
    for offset in range(0, 240, 20):
        answer = searcher.search(
            identical,
            SearchRequest(query="work", k=20, offset=offset, mode=mode, facets=["parity"], **wish),
        )
        found += ids(answer.hits)
        counted = sum(count.documents for count in answer.facets["parity"])
        assert counted == {"semantic": 100}.get(mode, 10_000)
    if mode == "semantic" and "sort" in wish:
        assert found == list(range(100))
    else:
        assert found == (list(range(1, 480, 2)) if "filter" in wish else list(range(240)))


def test_a_document_of_5_mb_on_one_line(
    searcher: Searcher, encoder: Encoder, tmp_path: Path
) -> None:
    rng = random.Random(2)
    words = [
        rng.choice(WORDS) if rng.random() < 0.5 else rng.randbytes(80).hex() for _ in range(64_000)
    ]
    words[40_000:40_000] = ["zorkmid", "treasure"]
    text = " ".join(words)
    assert len(text) > 5_000_000
    huge = document("huge", text, "The huge one")
    index = build(
        tmp_path / "v", [document("small", "A zorkmid."), huge], encoder, Options(Split(48, 8))
    )
    assert index.document(1) == huge
    assert len(index.passages) > 1000
    for mode in MODES:
        hits = searcher.search(
            index, SearchRequest(query="zorkmid treasure", mode=mode, highlight=True)
        ).hits
        [hit] = [hit for hit in hits if hit.document.id == "huge"]
        assert hit.highlight is not None
        assert unmarked(hit.highlight) == text[slice(*hit.passage)]
        assert len(hit.highlight) < 20_000
        if mode == "keyword":
            assert "<mark>zorkmid</mark> <mark>treasure</mark>" in hit.highlight


def test_the_passage_of_a_keyword_hit_has_the_words(
    searcher: Searcher, encoder: Encoder, tmp_path: Path
) -> None:
    text = "The work is here. " * 30 + "A zorkmid is a coin. " + "The licence is there. " * 30
    index = build(
        tmp_path / "v", [document(1, text), document(2, "Other.")], encoder, Options(Split(24, 4))
    )
    for query in ("zorkmids", "ZORKMID coin"):
        [hit] = searcher.search(
            index, SearchRequest(query=query, mode="keyword", highlight=True)
        ).hits
        assert "zorkmid" in text[slice(*hit.passage)]
        assert hit.highlight is not None
        assert "zorkmid" in marks(hit.highlight)
