"""Misspelt words: which spelling is found, how it is scored, and what the answer tells."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from handler.index.spelling import corrections, distance, one_edit, suspected
from handler.index.word_query import MAX_CORRECTED, word_query
from handler.search.answer import corrected_query
from tests.handler.indexes import WrittenText, document, write
from tests.handler.test_keyword import found

KNOWN = {"house": 9, "mouse": 3, "receive": 40, "necessary": 5, "accommodation": 4, "привет": 2}


def starting(prefix: str) -> list[tuple[str, int]]:
    return [(word, count) for word, count in KNOWN.items() if word.startswith(prefix)]


def likeliest(word: str) -> list[str]:
    near = corrections(word, lambda other: KNOWN.get(other, 0), starting)
    return [each.word for each in near]


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("hosue", ["house"]),
        ("housse", ["house"]),
        ("xouse", ["house", "mouse"]),
        ("recieve", ["receive"]),
        ("neccessary", ["necessary"]),
        ("neccesary", ["necessary"]),
        ("acomodation", ["accommodation"]),
        ("превет", ["привет"]),
        ("пирвет", ["привет"]),
        ("hxuxe", []),
        ("hou", []),
        ("h0use", ["house"]),
        ("h0us3", []),
        ("nesessery", ["necessary"]),
        ("x" * 5000, []),
    ],
)
def test_the_likeliest_spelling_comes_first(typed: str, right: list[str]) -> None:
    assert likeliest(typed) == right


def test_edits_are_counted_like_optimal_string_alignment() -> None:
    assert distance("abcd", "abcd", 2) == 0
    assert distance("abcd", "badc", 2) == 2
    assert distance("abcd", "ab", 2) == 2
    assert distance("abcd", "axcdy", 2) == 2
    assert distance("abcd", "badcx", 2) == 3
    assert distance("abcd", "a", 2) == 3
    for near in one_edit("abcd"):
        assert distance("abcd", near, 2) == 1


def test_a_rare_word_may_be_a_misspelling() -> None:
    def right(word: str, documents: int) -> str:
        found = suspected(word, documents, lambda other: KNOWN.get(other, 0), starting)
        return found.word if found else ""

    assert right("recieve", 1) == "receive"
    assert right("recieve", 30) == ""
    assert right("accomodation", 1) == "accommodation"
    assert right("accomxodation", 1) == "accommodation"
    assert right("accomxodatiox", 1) == ""


SHELF = [
    document("exact", "The goverment decided."),
    *(document(f"right{n}", "A government is chosen, then the receiver rests.") for n in range(4)),
    document("near", "Governments, in general, with a botanist"),
    document("other", "Receivers and botanical gardens, plain and calm."),
]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> WrittenText:
    return write(tmp_path_factory.mktemp("spelling"), SHELF)


def test_a_corrected_word_is_scored_by_what_it_became(shelf: WrittenText) -> None:
    typed, right = word_query(shelf, "botnist"), word_query(shelf, "botanist")
    assert typed.query is not None
    assert right.query is not None
    assert typed.corrected == {"botnist": "botanist"}
    assert set(typed.terms) >= set(right.terms)
    rows, scores = shelf.search(typed.query, 9)
    exact_rows, exact_scores = shelf.search(right.query, 9)
    assert rows.tolist() == exact_rows.tolist()
    assert 0.5 * exact_scores[0] < scores[0] <= exact_scores[0]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("filosophy", "philosophy"),
        ("misisipi", "mississippi"),
        ("swarzeneger", "schwarzenegger"),
        ("neumonia", "pneumonia"),
        ("recieving", "receive"),
        ("embarass", "embarrassing"),
        ("resteraunt", "restaurant"),
        ("resturant", "restaurant"),
        ("philos0phy", "philosophy"),
    ],
)
def test_slips_of_every_kind(slips: WrittenText, typed: str, first: str) -> None:
    assert first in found(slips, typed)


@pytest.fixture(scope="module")
def slips(tmp_path_factory: pytest.TempPathFactory) -> WrittenText:
    words = (
        "philosophy mississippi schwarzenegger pneumonia receive embarrassing restaurant resturant"
    )
    documents = [document(word, word) for word in words.split()]
    documents += [document(n, "a good restaurant") for n in range(3)]
    return write(tmp_path_factory.mktemp("slips"), documents)


def test_what_was_typed_stays_first(shelf: WrittenText) -> None:
    assert found(shelf, "goverment")[0] == "exact"
    assert found(shelf, "government") != found(shelf, "goverment")


def test_verbatim_corrects_nothing(shelf: WrittenText) -> None:
    words = word_query(shelf, "botnist", verbatim=True)
    assert words.corrected == {}
    assert words.query is not None
    assert len(shelf.search(words.query, 9)[0]) == 0


def test_the_query_as_it_was_understood() -> None:
    assert corrected_query("A Botnist, a_botnist!", {"botnist": "botanist"}) == (
        "A botanist, a_botanist!"
    )


def test_the_answer_tells_what_was_corrected(client: TestClient) -> None:
    body = client.get("/search", params={"q": "old botnist", "mode": "keyword"}).json()
    assert body["corrected"] == {"query": "old botanist", "words": {"botnist": "botanist"}}
    assert [hit["id"] for hit in body["hits"]] == ["/rooted"]
    exact = client.get("/search", params={"q": "botnist", "mode": "keyword", "verbatim": "true"})
    assert exact.json()["hits"] == []
    assert "corrected" not in exact.json()
    assert "corrected" not in client.get("/search", params={"q": "old botanist"}).json()


def test_the_page_offers_to_search_for_what_was_typed(client: TestClient) -> None:
    page = client.get("/", params={"q": "old botnist"}).text
    assert "Showing results for <bdi>“old botanist”</bdi>" in page
    assert "?q=old+botnist&amp;verbatim=true" in page
    again = client.get("/", params={"q": "old botnist", "verbatim": "true"}).text
    assert "Showing results for" not in again


ANIMALS = (
    "elephant giraffe kangaroo crocodile butterfly dragonfly porcupine alligator tortoise squirrel"
)


def test_only_some_words_of_a_query_are_corrected(tmp_path: Path) -> None:
    index = write(tmp_path, [document("zoo", ANIMALS)])
    wrong = " ".join(f"{animal}q" for animal in ANIMALS.split())
    corrected = word_query(index, wrong).corrected
    assert len(corrected) == MAX_CORRECTED < len(ANIMALS.split())
    assert set(corrected.values()) < set(ANIMALS.split())
