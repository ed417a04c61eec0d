"""Completions for a search box: titles, metadata and frequent phrases, by whole words."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import tantivy
from tantivy import Occur, Query

from handler.corpus.document import Document
from handler.errors import IndexUnavailable
from handler.index.analysis import content_analyzer, word_analyzer

MAX_TITLES = 200_000
MAX_PHRASES = 20_000
MAX_CHARS = 80
# Phrases are counted in every n-th document, and n doubles whenever so many have been read.
SAMPLE = 2_000
MAX_COUNTED = 400_000
PHRASE_WORDS = 3
MIN_WORD_CHARS = 3
# Characters of a document in which phrases are counted.
MAX_READ = 20_000
# How often a phrase must occur in the documents read.
FREQUENT = 3
CANDIDATES = 50
FUZZY_MIN_CHARS = 4

WORD = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?")
SENTENCE_END = re.compile(r"[.,;:!?()\[\]\"“”…\n]+")


class SuggestWriter:
    """Collects completions from one document after the other and writes them into a folder."""

    def __init__(self, folder: Path, language: str) -> None:
        """Start with none; `folder` is made at the end."""
        self._folder = folder
        self._content = _ContentWords(language)
        self._titles: Counter[str] = Counter()
        self._phrases: Counter[str] = Counter()
        self._rows, self._step, self._read = 0, 1, 0

    def add(self, document: Document) -> None:
        """Count the title, the metadata and the phrases of a document."""
        if len(self._titles) < MAX_TITLES:
            values = [document.title]
            for value in document.metadata.values():
                items = value if isinstance(value, list) else [value]
                values += [item for item in items if isinstance(item, str)]
            self._titles.update({v for v in values if 2 < len(v) <= MAX_CHARS and WORD.search(v)})
        if self._rows % self._step == 0:
            self._phrases.update(self._phrases_of(f"{document.title}. {document.text}"))
            self._read += 1
            if self._read == SAMPLE:
                self._step, self._read = 2 * self._step, 0
            if len(self._phrases) > MAX_COUNTED:
                self._phrases = Counter({phrase: n for phrase, n in self._phrases.items() if n > 1})
        self._rows += 1

    def close(self) -> None:
        """Write the completions."""
        self._folder.mkdir(parents=True)
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("words", tokenizer_name="words", index_option="basic")
        # As bytes, because every text field is indexed, which would double the size.
        builder.add_bytes_field("shown", stored=True)
        builder.add_unsigned_field("weight", fast=True)
        index = tantivy.Index(builder.build(), path=str(self._folder))
        index.register_tokenizer("words", word_analyzer())
        writer = index.writer(heap_size=32_000_000, num_threads=1)
        try:
            for text, weight in self._chosen():
                entry = tantivy.Document()
                entry.add_text("words", text)
                entry.add_bytes("shown", text.encode())
                entry.add_unsigned("weight", weight)
                writer.add_document(entry)
            writer.commit()
            writer.wait_merging_threads()
        finally:
            del writer  # until it is dropped, Tantivy's thread goes on making files

    def _chosen(self) -> Iterator[tuple[str, int]]:
        known = {title.lower() for title in self._titles}
        yield from self._titles.items()
        for phrase, count in self._phrases.most_common(MAX_PHRASES):
            if count >= FREQUENT and phrase not in known:
                yield phrase, count

    def _phrases_of(self, text: str) -> set[str]:
        """Return lower-case runs of up to three words without a stop word at either end."""
        phrases = set()
        for sentence in SENTENCE_END.split(text[:MAX_READ].lower()):
            words = WORD.findall(sentence)
            content = [self._content[word] for word in words]
            for first, phrase in enumerate(words):
                if not content[first] or len(phrase) < MIN_WORD_CHARS:
                    continue
                phrases.add(phrase)
                for at in range(first + 1, min(first + PHRASE_WORDS, len(words))):
                    phrase = f"{phrase} {words[at]}"
                    if content[at]:
                        phrases.add(phrase)
        return phrases


class _ContentWords(dict[str, bool]):
    """Tells whether a word, in lower case, is one by itself and no stop word; remembers it."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._analyzer = content_analyzer(language)

    def __missing__(self, word: str) -> bool:
        if len(self) >= MAX_COUNTED:
            self.clear()
        self[word] = self._analyzer.analyze(word) == [word]
        return self[word]


class Suggestions:
    """Completions opened for reading."""

    def __init__(self, index: tantivy.Index) -> None:
        """Compose from an opened index of completions."""
        self._fields = index.schema
        self._searcher = index.searcher()
        self._words = word_analyzer()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the completions in `folder`.

        Raises:
            IndexUnavailable: they can't be opened.
        """
        try:
            return cls(tantivy.Index.open(str(folder)))
        except (ValueError, OSError) as cause:
            raise IndexUnavailable(
                f"{folder} has no completions: {cause}; index the corpus again"
            ) from cause

    def complete(self, typed: str, k: int, *, forgiving: bool = True) -> list[str]:
        """Return up to `k` texts with every word typed, the last as a prefix; the likeliest first.

        If there is none, words may differ in one letter, unless it is not `forgiving`.
        """
        words = self._words.analyze(typed)
        # Tantivy refuses patterns of a thousand bytes, and no completion has a word of so many.
        if not words or any(len(word.encode()) > 4 * MAX_CHARS for word in words):
            return []
        found = self._find(words, exact=True)
        if not found and forgiving:
            found = self._find(words, exact=False)
        start = " ".join(words)
        begins = {text: " ".join(self._words.analyze(text)).startswith(start) for text in found}
        return sorted(found, key=lambda text: not begins[text])[:k]

    def _find(self, words: list[str], exact: bool) -> list[str]:
        parts = [self._whole(word, exact) for word in words[:-1]] + [
            self._beginning(words[-1], exact)
        ]
        query = Query.boolean_query([(Occur.Must, part) for part in parts])
        hits = self._searcher.search(query, CANDIDATES, count=False, order_by_field="weight").hits
        shown = [self._searcher.doc(address)["shown"][0] for _, address in hits]
        texts = [bytes(text).decode() for text in shown]
        return list({text.lower(): text for text in reversed(texts)}.values())[::-1]

    def _whole(self, word: str, exact: bool) -> Query:
        if exact or len(word) < FUZZY_MIN_CHARS:
            return Query.term_query(self._fields, "words", word)
        return Query.fuzzy_term_query(self._fields, "words", word, distance=1)

    def _beginning(self, word: str, exact: bool) -> Query:
        if exact or len(word) < FUZZY_MIN_CHARS:
            return Query.regex_query(self._fields, "words", f"{re.escape(word)}.*")
        return Query.fuzzy_term_query(self._fields, "words", word, distance=1, prefix=True)
