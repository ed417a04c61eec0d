"""Completions of what somebody types, and what each of them is."""

from typing import NamedTuple

from handler.index.engine import Engine

# Fields in which completions are looked for, to say what they are.
MOST_FIELDS = 12
# Documents that are looked at for a title in lower case, which could be a phrase too.
MOST_TITLES = 3
# The end of a sentence that is completed, in words, and the letters that its last word needs.
MOST_WORDS = 3
LEAST_CHARS = 3
TITLE, PHRASE = "title", "phrase"


class Completion(NamedTuple):
    """A text to search for, and what it is: a title, the name of a metadata field, or a phrase."""

    text: str
    kind: str


def completions(index: Engine, typed: str, k: int) -> list[Completion]:
    """Return up to `k` completions of what somebody types, the likeliest first.

    Where none has all of the words, the last ones are completed, and what is before them stays.
    """
    found = index.suggestions.complete(typed, k)
    if found:
        return [Completion(text, _kind(index, text)) for text in found]
    words = typed.split()
    if typed[-1:].isspace() or not words or len(words[-1]) < LEAST_CHARS:
        return []
    for size in range(min(MOST_WORDS, len(words) - 1), 0, -1):
        head, tail = " ".join(words[:-size]), " ".join(words[-size:])
        begun = [
            text
            for text in index.suggestions.complete(tail, k, forgiving=False)
            if text.lower().startswith(tail.lower()) and text.lower() != tail.lower()
        ]
        if begun:
            return [Completion(f"{head} {text}", _kind(index, text)) for text in begun]
    return []


def _kind(index: Engine, text: str) -> str:
    """Return what a completion is."""
    schema, conditions = index.manifest.schema, index.conditions
    names = [name for name, field in schema.items() if field.kind == "string"]
    for name in names[:MOST_FIELDS]:
        if index.count(conditions.equal(name, text)):
            return name
    if text != text.lower():
        return TITLE
    titled = conditions.words_in(TITLE, text) if TITLE not in schema else None
    if titled is None:
        return PHRASE
    documents = index.documents_at(index.rows_matching(titled, MOST_TITLES))
    return TITLE if any(document.title == text for document in documents) else PHRASE
