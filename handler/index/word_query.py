"""The BM25 query for what somebody typed: words and compounds, with misspellings corrected."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tantivy import Occur, Query

from handler.index.spelling import Correction, corrections, suspected
from handler.index.text_index import TextIndex

# With equal weights, short titles win. The body holds the title too, and the title adds a little.
TITLE_BOOST = 0.3
# A document comes before all that mention its id.
ID_BOOST = 10.0
# What a word counts that is one or two edits from what was typed.
EDITS_BOOST = {1: 0.8, 2: 0.6}
# What the likely right spelling counts of a word that occurs, but in so few documents.
SUSPECTED_BOOST = 0.5
SUSPECTED_DOCUMENTS = 3

QUOTED = re.compile(r'["“„«]([^"“”„«»]+)["”“»]')
COMPOUND = re.compile(r"[^\W_]+(?:[-_./:#@+][^\W_]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class WordQuery:
    """How the words of a query are searched for.

    `query` is None where there is no word. `terms` are all stems that it looks for, and `corrected`
    has the right spelling of each word that was taken for a misspelling.
    """

    query: Query | None = None
    terms: list[str] = field(default_factory=list)
    corrected: dict[str, str] = field(default_factory=dict)


def word_query(index: TextIndex, text: str, verbatim: bool = False) -> WordQuery:
    """Return the BM25 query for what somebody typed.

    "Quoted words" score higher side by side, and so do the parts of a compound, such as an error
    code or an ISBN. An id finds its document. A word that no document has is replaced by those one
    or two letters away, unless the query is to be taken `verbatim`.
    """
    words = index.content_words(text)
    if not words:
        return WordQuery()
    builder = _Builder(index, verbatim)
    parts = [Query.boost_query(Query.term_query(index.fields, "id", text.strip()), ID_BOOST)]
    for word, stem in words.items():
        parts += builder.word(word, stem)
    phrases = [*COMPOUND.findall(text), *QUOTED.findall(text)]
    parts += [query for phrase in phrases if (query := index.phrase(phrase)) is not None]
    return WordQuery(
        query=Query.boolean_query([(Occur.Should, part) for part in parts]),
        terms=builder.terms,
        corrected=builder.corrected,
    )


class _Builder:
    """Collects what the words of one query are searched by."""

    def __init__(self, index: TextIndex, verbatim: bool) -> None:
        self._index = index
        self._verbatim = verbatim
        self.terms: list[str] = []
        self.corrected: dict[str, str] = {}

    def word(self, word: str, stem: str) -> list[Query]:
        """Return the queries for a word and its title, or for what is taken for its spelling."""
        documents = self._index.documents_with(stem)
        if self._verbatim or documents > SUSPECTED_DOCUMENTS:
            return list(self._term(stem))
        if documents:
            right = suspected(self._index.plain(word), documents, self._frequency)
            near = [] if right is None else list(self._corrections(word, [right], SUSPECTED_BOOST))
            return [*self._term(stem), *near]
        plain = self._index.plain(word)
        likely = corrections(plain, self._frequency, self._index.words_starting)
        return list(self._corrections(word, likely)) or list(self._term(stem))

    def _frequency(self, word: str) -> int:
        return self._index.documents_with_word(word)

    def _term(self, stem: str) -> Iterator[Query]:
        self.terms.append(stem)
        fields = self._index.fields
        yield Query.term_query(fields, "all", stem, "freq")
        yield Query.boost_query(Query.term_query(fields, "title", stem, "freq"), TITLE_BOOST)

    def _corrections(
        self, word: str, likely: list[Correction], boost: float | None = None
    ) -> Iterator[Query]:
        """Yield the query for the best of the `likely` spellings that a document has."""
        queries = []
        for each in likely:
            stem = self._index.stem(each.word)
            if stem in self.terms or not self._index.documents_with(stem):
                continue
            self.terms.append(stem)
            term = Query.term_query(self._index.fields, "all", stem, "freq")
            queries.append(Query.boost_query(term, boost or EDITS_BOOST[each.edits]))
            self.corrected.setdefault(word, each.word)
        if queries:
            yield Query.disjunction_max_query(queries)
