"""Search by words: scores, stems, phrases, rare identifiers, misspellings, and rows by value."""

import math
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tantivy

from handler.errors import IndexUnavailable
from handler.index.engine import FacetCount
from handler.index.text_index import TextIndex
from handler.index.text_writer import field_name
from handler.index.word_query import TITLE_BOOST, word_query
from tests.handler.indexes import WrittenText, document, schema_of, write

ALL = tantivy.Query.all_query()


def found(index: WrittenText, text: str, limit: int = 10) -> list[str]:
    query = word_query(index, text).query
    return (
        []
        if query is None
        else [index.document(row).id for row in index.search(query, limit)[0].tolist()]
    )


def terms(index: WrittenText, text: str) -> list[str]:
    return word_query(index, text, verbatim=True).terms


def bm25(words: list[list[str]], terms: list[str]) -> list[float]:
    """Score each document, given as words, by the textbook's BM25."""
    average = sum(map(len, words)) / len(words)
    scores = []
    for each in words:
        counts = Counter(each)
        score = 0.0
        for term in terms:
            having = sum(term in other for other in words)
            weight = math.log(1 + (len(words) - having + 0.5) / (having + 0.5))
            tf = counts[term]
            score += weight * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * len(each) / average))
        scores.append(score)
    return scores


def test_scores_are_those_of_bm25(tmp_path: Path) -> None:
    rng = random.Random(1)
    vocabulary = [f"w{n}" for n in range(40)]
    common = [1 / (n + 1) for n in range(40)]
    titles = [rng.choices(vocabulary, common, k=rng.randint(1, 5)) for _ in range(300)]
    # Up to 40 words the index keeps lengths exactly.
    texts = [rng.choices(vocabulary, common, k=rng.randint(1, 30)) for _ in range(300)]
    documents = [
        document(n, " ".join(text), " ".join(title))
        for n, (title, text) in enumerate(zip(titles, texts, strict=True))
    ]
    index = write(tmp_path, documents, "none")
    for _ in range(15):
        terms = list(dict.fromkeys(rng.choices(vocabulary, k=rng.randint(1, 5))))
        body = bm25([title + text for title, text in zip(titles, texts, strict=True)], terms)
        expected = np.array(body) + TITLE_BOOST * np.array(bm25(titles, terms))
        query = word_query(index, " ".join(terms)).query
        assert query is not None
        rows, scores = index.search(query, 300)
        assert set(rows.tolist()) == set(np.flatnonzero(expected).tolist())
        np.testing.assert_allclose(scores, expected[rows], rtol=1e-4)
        assert (np.diff(scores) <= 0).all()
        few, _ = index.search(query, 7)
        assert few.tolist() == rows[:7].tolist()


SHELF = [
    document("runner", "She was running through the rain.", "The Runner"),
    document("cafe", "Un café à Paris, naïve and bright."),
    document("kyoto", "京都の庭を歩く。東京都とは違う。", "京都"),
    document("edo", "都京は逆さま"),
    document("parts", "Order 0 as 978 and 16, 3, 148410."),
    document("isbn", "Order it as 978-3-16-148410-0."),
    document("code parts", "RESET 17, failed with CONN. E"),
    document("code", "Failed with E_CONN.RESET:17"),
    document("hamlet", "To be, or not to be, that is the question."),
    document("phrase", "The female lead takes the lead role."),
    document("words", "The lead pipe was female, the role vacant; a lead, a female, a lead."),
    document("atmosphere", "Atmospheric and eerie."),
    document("ERR-404", "An entry that is found by its identifier."),
    document("mention", "What to do about ERR 404, ERR 404 and ERR 404"),
    document("שלום", "שלום עולם, ספר על שלום"),
    document("عربي", "كتاب عن السلام"),
    document("html", "<b>bold</b> &amp; <script>alert(1)</script>"),
]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> WrittenText:
    return write(tmp_path_factory.mktemp("shelf"), SHELF)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("runs", ["runner"]),
        ("RUNNING rained", ["runner"]),
        ("cafe", ["cafe"]),
        ("CAFÉS naive", ["cafe"]),
        ("京都", ["kyoto"]),
        ("東京都", ["kyoto"]),
        ("978-3-16-148410-0", ["isbn", "parts"]),
        ("E_CONN.RESET:17", ["code", "code parts"]),
        ("to be or not to be", ["hamlet"]),
        ("ERR-404", ["ERR-404", "mention"]),
        (" ERR-404\n", ["ERR-404", "mention"]),
        ("שלום", ["שלום"]),
        ("السلام", ["عربي"]),
        ("script alert", ["html"]),
        ("atmosferic", ["atmosphere"]),
        ("atmopsheric", ["atmosphere"]),
        ("identifer", ["ERR-404"]),
        ("qestion", ["hamlet"]),
    ],
)
def test_what_comes_first(shelf: WrittenText, text: str, first: list[str]) -> None:
    assert found(shelf, text)[: len(first)] == first


@pytest.mark.parametrize("quotes", ['""', "“”", "„“", "«»", "„”"])
def test_quoted_words_score_higher_side_by_side(shelf: WrittenText, quotes: str) -> None:
    assert found(shelf, "female lead") == ["words", "phrase"]
    assert found(shelf, f"{quotes[0]}female lead{quotes[1]}") == ["phrase", "words"]
    assert found(shelf, f"hamlet {quotes[0]}the lead{quotes[1]}")[0] == "phrase"
    assert found(shelf, 'female "!?"') == found(shelf, 'female ""') == found(shelf, "female")


@pytest.mark.parametrize("text", ["", " ", "?!", "🙂", '""', "—", "\u200b"])
def test_no_word_no_query(shelf: WrittenText, text: str) -> None:
    assert word_query(shelf, text).query is None


@pytest.mark.parametrize("text", ["zzzz", "xqj", "99999", "qqqqqqqqqqqqqqqq", 'zzzz "zzzz yyyy"'])
def test_words_that_nothing_has(shelf: WrittenText, text: str) -> None:
    assert found(shelf, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "title:x",
        "a AND (b",
        "*",
        "+lead -female",
        "lead^2 ~ /x/",
        "[a TO b]",
        "\\",
        '"unclosed lead',
    ],
)
def test_nothing_is_syntax_but_quotes(shelf: WrittenText, text: str) -> None:
    found(shelf, text)
    assert set(found(shelf, "+lead -female")) == {"phrase", "words"}


def test_only_words_that_nothing_has_are_guessed(shelf: WrittenText) -> None:
    assert found(shelf, "rain") == ["runner"]
    assert found(shelf, "ran") == []
    assert found(shelf, "rainn") == ["runner"]
    assert found(shelf, "978x") == []


def test_terms_of_a_query(shelf: WrittenText) -> None:
    assert terms(shelf, "The running of the RUNNERS runs") == ["run", "runner"]
    assert terms(shelf, "to be or not to be") == ["to", "be", "or", "not"]
    assert set(found(shelf, "the")) == {"runner", "phrase", "words", "hamlet"}
    assert found(shelf, " ".join(["lead"] * 5000))[0] in ("phrase", "words")


FACTS = [
    document(0, "x", n=-5, f=1.5, ok=True, day="2020-01-02", tag="b", tags=["x", "y"]),
    document(1, "x", n=0, f=-2.5, ok=False, day="1605-01-16", tag="a", tags=["x"]),
    document(2, "x"),
    document(3, "x", n=7, tag="", tags=[]),
    document(4, "x", n=-5, f=0, ok=True, day="2020-01-02T00:00:00.5", tag="Ä"),
]
FIELDS = list(schema_of(FACTS))


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> WrittenText:
    return write(tmp_path_factory.mktemp("facts"), FACTS)


def key(name: str) -> str:
    return field_name(schema_of(FACTS), name)


@pytest.mark.parametrize(
    ("field", "ascending", "descending"),
    [
        ("n", [0, 4, 1, 3, 2], [3, 1, 0, 4, 2]),
        ("f", [1, 4, 0, 2, 3], [0, 4, 1, 2, 3]),
        ("ok", [1, 0, 4, 2, 3], [0, 4, 1, 2, 3]),
        ("day", [1, 0, 4, 2, 3], [4, 0, 1, 2, 3]),
        ("tag", [3, 1, 0, 4, 2], [4, 0, 1, 3, 2]),
    ],
)
def test_sorting_puts_what_is_missing_last(
    facts: WrittenText, field: str, ascending: list[int], descending: list[int]
) -> None:
    assert facts.sorted_rows(ALL, key(field), False, 10).tolist() == ascending
    assert facts.sorted_rows(ALL, key(field), True, 10).tolist() == descending
    for limit in range(1, 5):
        assert facts.sorted_rows(ALL, key(field), False, limit).tolist() == ascending[:limit]


@pytest.mark.parametrize(
    ("field", "kind", "counts"),
    [
        ("n", "integer", [(-5, 2), (0, 1), (7, 1)]),
        ("f", "float", [(-2.5, 1), (0, 1), (1.5, 1)]),
        ("ok", "boolean", [(True, 2), (False, 1)]),
        ("day", "date", [("1605-01-16", 1), ("2020-01-02", 1), ("2020-01-02T00:00:00.500000Z", 1)]),
        ("tag", "string", [("", 1), ("a", 1), ("b", 1), ("Ä", 1)]),
        ("tags", "string", [("x", 2), ("y", 1)]),
    ],
)
def test_facets_count_values(
    facts: WrittenText, field: str, kind: str, counts: list[tuple[str | float, int]]
) -> None:
    result = facts.facet(ALL, key(field), kind, 10)
    assert result[0].documents == max(count for _, count in counts)
    assert sorted(result, key=lambda count: str(count.value)) == [
        FacetCount(value, count) for value, count in sorted(counts, key=lambda pair: str(pair[0]))
    ]
    assert [type(count.value) is bool for count in result] == [field == "ok"] * len(result)
    assert len(facts.facet(ALL, key(field), kind, 1)) == 1
    assert facts.facet(tantivy.Query.empty_query(), key(field), kind, 10) == []


def test_rows_and_counts(facts: WrittenText) -> None:
    assert facts.count(ALL) == 5
    assert facts.rows(ALL, 3).tolist() == [0, 1, 2]
    some = facts.any_row(np.array([4, 1, 3]))
    assert facts.rows(some, 10).tolist() == [1, 3, 4]
    assert facts.count(some) == 3
    assert facts.rows_among(
        tantivy.Query.term_query(facts.fields, key("n"), -5), np.array([1, 4, 3])
    ).tolist() == [4]
    assert facts.rows(tantivy.Query.empty_query(), 3).tolist() == []


def test_a_folder_without_text_index(tmp_path: Path) -> None:
    with pytest.raises(
        IndexUnavailable, match=f"{tmp_path} is no text index: .*; index the corpus again"
    ):
        TextIndex.open(tmp_path, "english")


PLAYS = [
    document("tempest", "A storm brings a duke to an island.", "The Tempest"),
    document("temple", "What is this temple and who built it?"),
    document("temperature", "Temperatures and temperaments on islands"),
    document("duke", "The duke and the duchess, a duke of dukes"),
]


@pytest.fixture(scope="module")
def plays(tmp_path_factory: pytest.TempPathFactory) -> WrittenText:
    return write(tmp_path_factory.mktemp("plays"), PLAYS)


def ids(
    index: WrittenText, text: str, *, typing: bool = False, verbatim: bool = False
) -> list[str]:
    query = word_query(index, text, typing=typing, verbatim=verbatim).query
    rows = [] if query is None else index.search(query, 10)[0].tolist()
    return [index.document(row).id for row in rows]


def test_the_last_word_is_a_beginning_while_somebody_types(plays: WrittenText) -> None:
    assert set(ids(plays, "temp", typing=True)) == {"tempest", "temple", "temperature"}
    assert ids(plays, "duke temp", typing=True)[0] in ("duke", "tempest")
    assert set(ids(plays, "temple", typing=True)) == {"temple"}
    assert ids(plays, "temple ", typing=True) == ids(plays, "temple")
    assert ids(plays, "t", typing=True)
    assert ids(plays, "zzzz", typing=True) == []
    assert ids(plays, "?", typing=True) == []


def test_a_word_that_nothing_explains_is_a_beginning(plays: WrittenText) -> None:
    assert set(ids(plays, "temper")) == {"temperature"}
    assert ids(plays, "temper", verbatim=True) == []
    assert word_query(plays, "temper").corrected == {}


def test_words_that_people_ask_with_count_little(plays: WrittenText) -> None:
    assert ids(plays, "what is a duke")[0] == "duke"
    assert "temple" in ids(plays, "who built what")
    assert "what" not in word_query(plays, "what is a duke").terms
    assert ids(plays, "what") == ["temple"]


def test_of_a_long_text_the_rarest_words_count(plays: WrittenText) -> None:
    filler = " ".join(f"w{n}" for n in range(300))
    assert ids(plays, f"{filler} temple and the duchess") == ids(plays, "temple duchess")
    assert set(terms(plays, f"{filler} temple")) == {"templ"}
