"""Documents to passages: spans of the text at sentence borders, sized in the encoder's own tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from handler.corpus.document import SEPARATOR, Document

Tokens = npt.NDArray[np.int64]

# After a terminator with its closing quotes and some space; after a CJK or Devanagari one; at a blank line.
BORDER = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+|[。！？｡।]+[」』”）]*\s*|\n\s*\n\s*")


# Longer texts are tokenized and split in parts, which end at sentence borders and share nothing.
PART_CHARS = 50_000


@dataclass(frozen=True, slots=True)
class Split:
    """How documents are split: tokens in a passage and tokens shared with the one before; size 0: not at all."""

    size: int = 96
    overlap: int = 24

    def __post_init__(self) -> None:
        """Check the bounds.

        Raises:
            ValueError: a size below 16 that isn't 0, or an overlap that isn't smaller than half of it.
        """
        if self.size and not (self.size >= 16 and 0 <= self.overlap <= self.size // 2):
            raise ValueError(
                f"passages of {self.size} tokens that share {self.overlap} can't be made; "
                "use 16 tokens or more and share at most half of them, or 0 for no passages"
            )


def context(document: Document, start: int, end: int) -> str:
    """Return what these characters of the text are about: the title and the headings above them."""
    section = document.section_of(start, end)
    return _joined(document.title, section.heading if section else "")


def _joined(title: str, heading: str) -> str:
    return f"{title}{SEPARATOR}{heading}" if title and heading else title or heading


def passage_text(title: str, text: str) -> str:
    """Return what the encoder sees of a passage: its context in front of it."""
    return f"{title} {text}" if title and text else title or text


def split_document(
    document: Document, tokenizer: Tokenizer, split: Split, max_tokens: int
) -> list[tuple[int, int]]:
    """Return the character spans of a document's passages, in order; one span at least.

    A passage lies within one section, without its heading. Context and passage together stay within
    `max_tokens`, special tokens included, as long as the context leaves half of them.
    """
    if not split.size or not document.text:
        return [(0, len(document.text))]
    spans = []
    for begin, text, heading in _bodies(document):
        before = tokenizer.encode(_joined(document.title, heading), add_special_tokens=False)
        size = min(split.size, max(max_tokens - 2 - len(before), max_tokens // 2))
        for offset, part in _parts(text):
            spans += [
                (begin + offset + start, begin + offset + end)
                for start, end in _split_part(part, tokenizer, size, split.overlap)
            ]
    return spans or [(0, len(document.text))]


def _bodies(document: Document) -> Iterator[tuple[int, str, str]]:
    """Yield place, text and heading of each section, and first of what comes before them."""
    sections = document.sections
    ends = [*(section.start for section in sections), len(document.text)]
    starts = [0, *(section.body for section in sections)]
    headings = ["", *(section.heading for section in sections)]
    for start, end, heading in zip(starts, ends, headings, strict=True):
        text = document.text[start:end]
        if sections:
            start += len(text) - len(text.lstrip())
            text = text.strip()
        yield start, text, heading


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Yield text by text, with its place, what is tokenized at once: a token takes some hundred bytes meanwhile."""
    begin = 0
    while len(text) - begin > PART_CHARS:
        borders = [match.end() for match in BORDER.finditer(text, begin, begin + PART_CHARS)]
        space = text.rfind(" ", begin, begin + PART_CHARS)
        end = borders[-1] if borders else space + 1 if space > begin else begin + PART_CHARS
        yield begin, text[begin:end]
        begin = end
    yield begin, text[begin:]


def _split_part(text: str, tokenizer: Tokenizer, size: int, overlap: int) -> list[tuple[int, int]]:
    encoding = tokenizer.encode(text, add_special_tokens=False)
    if len(encoding) <= size:
        return [(0, len(text))] if text.strip() else []
    starts = np.fromiter((start for start, _ in encoding.offsets), np.int64, len(encoding))
    words = np.flatnonzero(np.diff(np.array(encoding.word_ids, np.int64), prepend=-1))
    pieces = list(_pieces(text, starts, words, size))
    windows = _windows([tokens for _, _, tokens in pieces], size, overlap)
    return [(pieces[first][0], pieces[last][1]) for first, last in windows]


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the character spans of the sentences of `text`, the white space between them left out."""
    borders = [0, *(match.end() for match in BORDER.finditer(text)), len(text)]
    spans = ((start, start + len(text[start:end].rstrip())) for start, end in pairwise(borders))
    return [(start, end) for start, end in spans if end > start]


def _pieces(text: str, starts: Tokens, words: Tokens, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, tokens) of each sentence; one of more than `size` tokens comes in parts.

    `starts` has the character at which each token begins, `words` the tokens that begin a word, in which
    no cut is made unless it has more than `size` tokens itself.
    """
    for start, end in sentence_spans(text):
        at, last = np.searchsorted(starts, (start, end)).tolist()
        while at < last:
            until = min(at + size, last)
            if until < last:
                word = int(words[np.searchsorted(words, until, "right") - 1])
                until = word if word > at else until
            stop = end if until == last else int(starts[until])
            yield start, stop, until - at
            at, start = until, stop


def _windows(tokens: list[int], size: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Yield (first, last) pieces of windows of at most `size` tokens that share up to `overlap`."""
    first = 0
    while True:
        last, total = first, tokens[first]
        while last + 1 < len(tokens) and total + tokens[last + 1] <= size:
            last += 1
            total += tokens[last]
        yield first, last
        if last + 1 == len(tokens):
            return
        first, shared = last + 1, 0
        while shared + tokens[first - 1] <= min(overlap, size - tokens[last + 1]):
            first -= 1
            shared += tokens[first]
