"""The BM25 query for what somebody typed: words and compounds, with misspellings corrected."""

import re
from collections.abc import Collection, Iterator, Sequence

from tantivy import Occur, Query

from handler.index.analysis import composed, spaced
from handler.index.compounds import compounds_of, in_two, parts_of
from handler.index.engine import Alternatives, WordQuery
from handler.index.irregular import OTHER_NUMBER
from handler.index.names import COMPOUND, joined_names, spoken_names, symbol_names
from handler.index.spelling import MIN_CHARS, Correction, corrections, suspected
from handler.index.text_index import TextIndex
from handler.index.words import MAX_WORDS

# With equal weights, short titles win. The body holds the title too, and the title adds a little.
TITLE_BOOST = 0.3
# A document comes before all that mention its id.
ID_BOOST = 10.0
# What a word counts that is one or two edits from what was typed.
EDITS_BOOST = {1: 0.8, 2: 0.6}
# What the plural counts of a word that was typed in the singular, where they have no common stem.
FORM_BOOST = 0.8
# How many words of one query are looked up in other spellings: each takes a few milliseconds.
MAX_CORRECTED = 8
# What the likely right spelling counts of a word that occurs, but in so few documents.
SUSPECTED_BOOST = 0.5
# How few documents make a word rare, which may be misspelt or usually written as two.
RARE_DOCUMENTS = 3
# Words with the same beginning or ending that are looked at for compounds.
MOST_NEIGHBOURS = 200

# What a compound counts for one of its parts, and a part for the whole.
COMPOUND_BOOST = 0.5
# An ISBN as one number, against the words that hyphens make of it.
WHOLE_NUMBER_BOOST = 4.0
MAX_SHORT_NAME = 4
# Words of which neighbours are looked up as one.
MAX_PAIRS = 32
# What a word counts of which the beginning was typed, and how many words a beginning stands for.
BEGINNING_BOOST = 0.7
MOST_BEGINNINGS = 20
MIN_BEGINNING = 3
# What a word counts that people ask with, beside words that say what they look for.
ASKING_BOOST = 0.5
# Of a text longer than this, such as a pasted letter, the rarest words are searched for.
MAX_TERMS = 64

DIGIT = re.compile(r"\d")
QUOTED = re.compile(r'["“„«]([^"“”„«»]+)["”“»]')


# What a synonym counts, how many one query gets, and of how many words one may consist.
SYNONYM_BOOST = 0.8
MAX_ALTERNATIVES = 50
MAX_SYNONYM_WORDS = 5


def word_query(
    index: TextIndex,
    text: str,
    *,
    verbatim: bool = False,
    typing: bool = False,
    alternatives: Alternatives | None = None,
) -> WordQuery:
    """Return the BM25 query for what somebody typed.

    "Quoted words" score higher side by side, and so do the parts of a compound, such as an error
    code or an ISBN. An id finds its document. Names are found joined and apart: Spider-Man,
    spiderman, spider man. A word that no document has is replaced by those one or two letters away.
    A `verbatim` query gets none of this but names with symbols, such as C++. While somebody is
    `typing`, the last word stands for those that begin with it; a word that nothing else explains
    always does. What has `alternatives` is searched for by them too. Words that people ask with, such as *what*, count little beside others.
    """
    text = composed(text)
    words = _rarest(index, index.content_words(text))
    symbols = symbol_names(text) if verbatim else symbol_names(text) + spoken_names(text)
    names = {name for each in symbols if (name := index.name(each))}
    if not words and not names:
        return WordQuery()
    builder = _Builder(index, verbatim, asking=index.asking_words(words))
    parts = [Query.boost_query(Query.term_query(index.fields, "id", text.strip()), ID_BOOST)]
    typed = index.last_word(text) if typing else ""
    for word, stem in words.items():
        if word != typed:
            parts += builder.word(word, stem)
    parts += builder.beginning(typed) if typed else []
    parts += [query for name in names if (query := index.named(name)) is not None]
    if not verbatim:
        parts += builder.joined(text, words)
        parts += builder.alternatives(text, alternatives or {})
    phrases = [match[0] for match in COMPOUND.finditer(text)] + QUOTED.findall(text)
    parts += [query for phrase in phrases if (query := index.phrase(phrase)) is not None]
    return WordQuery(
        query=Query.boolean_query([(Occur.Should, part) for part in parts]),
        terms=[*builder.terms, *names],
        corrected=builder.corrected,
    )


def _rarest(index: TextIndex, words: dict[str, str]) -> dict[str, str]:
    """Return the words and their stems, of many only the rarest that the index has, in order."""
    if len(words) <= MAX_TERMS:
        return words
    documents = {word: index.documents_with(stem) for word, stem in words.items()}
    known = sorted((word for word in words if documents[word]), key=lambda word: documents[word])
    kept = set(known[:MAX_TERMS])
    return {word: stem for word, stem in words.items() if word in kept}


def _neighbours(text: str, words: Sequence[str]) -> Iterator[str]:
    """Yield words of the text that stand side by side, as one: two, or three with a short one."""
    low = text.lower()
    for at in range(min(len(words), MAX_PAIRS) - 1):
        two, three = words[at : at + 2], words[at : at + 3]
        if " ".join(two) in low:
            yield "".join(two)
        if min(map(len, three)) == 1 and len(three) == 3 and " ".join(three) in low:
            yield "".join(three)


class _Builder:
    """Collects what the words of one query are searched by."""

    def __init__(self, index: TextIndex, verbatim: bool, asking: Collection[str]) -> None:
        self._index = index
        self._verbatim = verbatim
        self._asking = asking
        self._looked_up = 0
        self.terms: list[str] = []
        self.corrected: dict[str, str] = {}

    def word(self, word: str, stem: str) -> list[Query]:
        """Return the queries for a word, and for how else it may be written."""
        if word in self._asking:
            term = Query.term_query(self._index.fields, "all", stem, "freq")
            return [Query.boost_query(term, ASKING_BOOST)]
        documents = self._index.documents_with(stem)
        if self._verbatim:
            return list(self._term(stem))
        named = self._index.named(stem)
        queries: list[Query] = []
        plain = self._index.plain(word)
        if self._index.compounding:
            queries += self._compounds(plain)
        if self._index.english and plain in OTHER_NUMBER:
            queries += self._other_form(OTHER_NUMBER[plain])
        if documents <= RARE_DOCUMENTS:
            queries += self._apart(plain)
        if documents > RARE_DOCUMENTS or (not documents and (queries or named)):
            return [*self._term(stem, named), *queries]
        if documents:
            right = self._suspected(plain, documents)
            near = list(self._corrections(word, right, SUSPECTED_BOOST))
            return [*self._term(stem, named), *queries, *near]
        self._looked_up += 1
        if self._looked_up > MAX_CORRECTED:
            return list(self._term(stem))
        right_words = list(self._corrections(word, self._likely(plain)))
        if not right_words and len(plain) >= MIN_BEGINNING:
            right_words = self.beginning(plain)
        if not right_words:  # a form of the right word that no document has
            likely = corrections(plain, self._known, lambda _prefix: [])
            right_words = list(self._corrections(word, likely))
        return right_words or list(self._term(stem))

    def _likely(self, plain: str) -> list[Correction]:
        """Return the likeliest right spellings of a word that no document has."""
        index = self._index
        likely = corrections(plain, index.documents_with_word, index.words_starting)
        if not likely:
            return []
        best = likely[0]
        documents = index.documents_with_word(best.word)
        right = self._suspected(best.word, documents) if documents <= RARE_DOCUMENTS else []
        return likely + [Correction(each.word, 2) for each in right]

    def _suspected(self, plain: str, documents: int) -> list[Correction]:
        """Return what a word that few `documents` have is likely a misspelling of."""
        index = self._index
        right = suspected(plain, documents, index.documents_with_word, index.words_starting)
        return [] if right is None else [right]

    def beginning(self, plain: str) -> list[Query]:
        """Return the queries for a word of which the beginning is typed."""
        index = self._index
        stem = index.stem(plain)
        whole = list(self._term(stem)) if index.documents_with(stem) else []
        words = index.words_starting(plain)[:MOST_BEGINNINGS]
        stems = dict.fromkeys(index.stem(word) for word, _ in words)
        stems.pop(stem, None)
        self.terms += [each for each in stems if each not in self.terms]
        terms = [Query.term_query(index.fields, "all", each, "freq") for each in stems]
        if not terms:
            return whole
        return [*whole, Query.boost_query(Query.disjunction_max_query(terms), BEGINNING_BOOST)]

    def joined(self, text: str, words: dict[str, str]) -> Iterator[Query]:
        """Yield the queries for compounds of the text, and for neighbouring words, as one word."""
        for name in dict.fromkeys([*joined_names(text), *_neighbours(text, list(words))]):
            stem = self._index.name(name)
            if stem in words.values():
                continue
            # An ISBN may be divided otherwise in the text, and alone outdoes all its parts.
            digits = DIGIT.search(name)
            telling = digits or len(name) <= MAX_SHORT_NAME  # the parts of AT&T say little
            named = self._index.named(stem) if telling else None
            if named is not None or self._index.documents_with(stem):
                for query in self._term(stem, named):
                    yield Query.boost_query(query, WHOLE_NUMBER_BOOST) if name.isdigit() else query

    def alternatives(self, text: str, known: Alternatives) -> Iterator[Query]:
        """Yield the queries for what stands for words of the text."""
        if not known:
            return
        stems = self._index.words.analyze(spaced(text))[:MAX_WORDS]
        lengths = range(1, MAX_SYNONYM_WORDS + 1)
        runs = [tuple(stems[at : at + n]) for at in range(len(stems)) for n in lengths]
        found = [other for run in dict.fromkeys(runs) for other in known.get(run, ())]
        for other in list(dict.fromkeys(found))[:MAX_ALTERNATIVES]:
            if (query := self._index.phrase(other)) is not None:
                self.terms += self._index.words.analyze(spaced(other))
                yield Query.boost_query(query, SYNONYM_BOOST)

    def _apart(self, plain: str) -> list[Query]:
        """Return the queries for a word as two side by side, where a document has them so."""
        queries = []
        for two in in_two(plain, self._index.documents_with, self._known):
            query = self._index.phrase(two)
            if query is not None and self._index.count(query):
                queries.append(query)
                self.terms += [self._index.stem(word) for word in two.split()]
        return queries

    def _other_form(self, word: str) -> Iterator[Query]:
        """Yield the query for another form of a word, which counts a little less."""
        stem = self._index.stem(word)
        if stem not in self.terms and self._index.documents_with(stem):
            self.terms.append(stem)
            term = Query.term_query(self._index.fields, "all", stem, "freq")
            yield Query.boost_query(term, FORM_BOOST)

    def _known(self, word: str) -> int:
        """Return how many documents have a word, in any of its forms."""
        return self._index.documents_with(self._index.stem(word))

    def _compounds(self, plain: str) -> Iterator[Query]:
        """Yield the queries for the parts of a compound, and for compounds that a word is part of."""
        index = self._index
        starting = index.words_starting(plain)[:MOST_NEIGHBOURS] if len(plain) >= MIN_CHARS else []
        ending = index.words_ending(plain)[:MOST_NEIGHBOURS]
        whole = compounds_of(plain, starting, ending, self._index.documents_with_word)
        for related in (parts_of(plain, self._index.documents_with_word), whole):
            stems = {index.stem(word) for word in related}
            self.terms += stems - set(self.terms)
            terms = [Query.term_query(index.fields, "all", stem, "freq") for stem in sorted(stems)]
            if terms:
                best = Query.disjunction_max_query(terms)
                yield Query.boost_query(best, COMPOUND_BOOST)

    def _term(self, stem: str, named: Query | None = None) -> Iterator[Query]:
        self.terms.append(stem)
        fields = self._index.fields
        term = Query.term_query(fields, "all", stem, "freq")
        yield term if named is None else Query.disjunction_max_query([term, named])
        yield Query.boost_query(Query.term_query(fields, "title", stem, "freq"), TITLE_BOOST)

    def _corrections(
        self, word: str, likely: list[Correction], boost: float | None = None
    ) -> Iterator[Query]:
        """Yield the query for the best of the `likely` spellings that a document has."""
        queries: list[Query] = []
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
