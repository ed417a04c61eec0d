"""Passages: spans that lose no word, fit the encoder, and end where sentences do."""

import random
from itertools import pairwise

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from handler.corpus.document import Document
from handler.corpus.passages import Split, passage_text, sentence_spans, split_document
from handler.encoder import Encoder
from tests.export.tiny import LICENSE

WORDS = LICENSE.read_text("utf-8").split()
SCRIPTS = [
    "東京都庁日本語漢字仮名。",
    "שלוםעולם",
    "طريقمكتبة",
    "हिन्दीभाषा।",
    "🙂👩‍👩‍👧🏽🇩🇪",
    "éèüñçøå",
    "abcdefghijklmnop0123456789",
]
ENDS = [". ", "! ", "? ", "…\n", ".” ", "。", "」", "\n\n", ", ", " ", " ", " ", " ", ""]

Spans = list[tuple[int, int]]


@pytest.fixture(scope="module")
def byte_level() -> Tokenizer:
    """Return a tokenizer of the other common kind: bytes, with the space before a word."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([" ".join(WORDS)], trainer)
    return tokenizer


def random_text(rng: random.Random, words: int) -> str:
    parts = []
    for _ in range(words):
        script = rng.choice(SCRIPTS)
        parts += [
            rng.choice(WORDS)
            if rng.random() < 0.7
            else "".join(rng.choices(script, k=rng.randint(1, 30)))
        ]
        parts += [rng.choice(ENDS)]
    return "".join(parts).strip()


def count(tokenizer: Tokenizer, text: str) -> int:
    return len(tokenizer.encode(text, add_special_tokens=False))


def split_text(
    text: str, tokenizer: Tokenizer, split: Split, max_tokens: int = 512, title: str = ""
) -> Spans:
    return split_document(
        Document(id="1", title=title, text=text, url="", metadata={}), tokenizer, split, max_tokens
    )


def check_cover(text: str, tokenizer: Tokenizer, spans: Spans) -> None:
    """Check that spans advance, and that each token with a visible character is in one of them."""
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(spans))
    at = 0
    for start, end in tokenizer.encode(text, add_special_tokens=False).offsets:
        if text[start:end].strip():
            while not (spans[at][0] <= start and end <= spans[at][1]):
                at += 1


def test_spans_cover_the_text_and_keep_to_sizes(encoder: Encoder) -> None:
    rng = random.Random(1)
    for _ in range(200):
        split = Split(rng.choice([16, 20, 33, 96]), 0)
        split = Split(split.size, rng.randint(0, split.size // 2))
        text = random_text(rng, rng.randint(1, 120))
        spans = split_text(text, encoder.tokenizer, split)
        check_cover(text, encoder.tokenizer, spans)
        assert max(count(encoder.tokenizer, text[start:end]) for start, end in spans) <= split.size
        for one, other in pairwise(spans):
            assert count(encoder.tokenizer, text[other[0] : max(one[1], other[0])]) <= split.overlap


def test_bytes_as_tokens(byte_level: Tokenizer) -> None:
    rng = random.Random(2)
    for _ in range(100):
        text = random_text(rng, rng.randint(1, 80))
        spans = split_text(text, byte_level, Split(32, 8))
        check_cover(text, byte_level, spans)
        # Cut off from the space before it, the first word may fall into other pieces.
        assert max(count(byte_level, text[start:end]) for start, end in spans) <= 32 + 10


def test_title_and_passage_together_fit_the_model(encoder: Encoder) -> None:
    rng = random.Random(3)
    limit = encoder.manifest.max_tokens
    for _ in range(100):
        title = random_text(rng, rng.randint(0, 4))
        if count(encoder.tokenizer, title) > limit // 2 - 2:
            continue
        text = random_text(rng, 60)
        for start, end in split_text(text, encoder.tokenizer, Split(96, 24), limit, title):
            assert len(encoder.tokenizer.encode(passage_text(title, text[start:end]))) <= limit


def test_a_title_that_fills_the_model_leaves_half_for_the_passage(encoder: Encoder) -> None:
    text = "the " * 200
    spans = split_text(text, encoder.tokenizer, Split(96, 0), 48, title="work " * 300)
    assert {count(encoder.tokenizer, text[start:end]) for start, end in spans[:-1]} == {24}


def test_a_short_text_is_one_passage(encoder: Encoder) -> None:
    text = " ".join(["work"] * 20)
    assert split_text(text, encoder.tokenizer, Split(20, 0)) == [(0, len(text))]
    assert len(split_text(f"{text} work", encoder.tokenizer, Split(20, 0))) == 2
    assert split_text("", encoder.tokenizer, Split(20, 0), title="Title") == [(0, 0)]
    assert split_text("\u200b\u200b", encoder.tokenizer, Split(20, 0)) == [(0, 2)]


def test_size_0_is_no_splitting(encoder: Encoder) -> None:
    text = "Work. " * 1000
    assert split_text(text, encoder.tokenizer, Split(0)) == [(0, len(text))]


def test_passages_end_where_sentences_do(encoder: Encoder) -> None:
    sentences = [f"The licence grants right {number}." for number in range(10, 31)]
    text = " ".join(sentences)
    each = count(encoder.tokenizer, sentences[0])
    passages = [
        text[start:end] for start, end in split_text(text, encoder.tokenizer, Split(3 * each, each))
    ]
    assert passages == [" ".join(sentences[first : first + 3]) for first in range(0, 19, 2)]


def test_a_long_sentence_is_cut_between_words(encoder: Encoder) -> None:
    text = " ".join(WORDS[:600]).replace(".", "")
    for start, end in split_text(text, encoder.tokenizer, Split(32, 8)):
        assert (
            start == 0
            or text[start - 1] == " "
            or not text[start].isalnum()
            or not text[start - 1].isalnum()
        )
        assert (
            end == len(text)
            or text[end - 1] == " "
            or not text[end].isalnum()
            or not text[end - 1].isalnum()
        )


def test_a_word_larger_than_a_passage_is_cut(encoder: Encoder) -> None:
    word = "qzxj" * 20
    text = f"work {word} work"
    assert count(encoder.tokenizer, word) == 80
    spans = split_text(text, encoder.tokenizer, Split(32, 0))
    check_cover(text, encoder.tokenizer, spans)
    assert max(count(encoder.tokenizer, text[start:end]) for start, end in spans) <= 32


def test_half_a_megabyte_on_one_line_without_sentences(encoder: Encoder) -> None:
    words = [word for word in WORDS if word.isalpha()]
    text = " ".join(random.Random(4).choices(words, k=80_000))
    spans = split_text(text, encoder.tokenizer, Split(96, 24), 256)
    check_cover(text, encoder.tokenizer, spans)
    assert len(spans) > 500
    assert max(count(encoder.tokenizer, text[start:end]) for start, end in spans[::50]) <= 96


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four… Five", ["One.", "Two!", "Three?", "Four…", "Five"]),
        ('He said "no." Then (really.) left.', ['He said "no."', "Then (really.)", "left."]),
        ("3.14 is pi.e.g. this", ["3.14 is pi.e.g.", "this"]),
        ("東京です。「はい。」そう！", ["東京です。", "「はい。」", "そう！"]),
        ("यह एक है। दो", ["यह एक है।", "दो"]),
        ("שלום עולם. עוד משפט", ["שלום עולם.", "עוד משפט"]),
        ("Heading\n\n  Body\nof it\n \nEnd", ["Heading", "Body\nof it", "End"]),
        ("  ", []),
        ("", []),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert [text[start:end].strip() for start, end in sentence_spans(text)] == sentences


def test_passage_text() -> None:
    assert passage_text("Title", "text") == "Title text"
    assert passage_text("", "text") == "text"
    assert passage_text("Title", "") == "Title"


@pytest.mark.parametrize(("size", "overlap"), [(15, 0), (96, 49), (96, -1), (-5, 0), (1, 0)])
def test_impossible_splits(size: int, overlap: int) -> None:
    with pytest.raises(
        ValueError, match=f"passages of {size} tokens that share {overlap} can't be made; use 16"
    ):
        Split(size, overlap)
    Split(16, 8)
    Split(0, 24)
