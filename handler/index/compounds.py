"""Words that are written together or apart, by the vocabulary of an index."""

from collections.abc import Callable, Iterable

MIN_PART = 3
# Where compounds are usual, short words would be found in too many.
MIN_HEAD = 4
MIN_COMPOUND = 8
MAX_CHARS = 40
# What may stand between the parts of a compound: Universität-s-krankenhaus, Sonne-n-schein.
LINKS = ("", "s", "n", "en", "es", "er", "e")
MOST_SPLITS = 3
MOST_COMPOUNDS = 20

# Returns the number of documents with a word.
Frequency = Callable[[str], int]


def in_two(word: str, of_head: Frequency, of_tail: Frequency) -> list[str]:
    """Return the likeliest ways to write a word as two that are known: basket ball.

    A number may be cut off at either end: wx 2000.
    """
    if len(word) > MAX_CHARS:
        return []
    found = []
    for cut in range(1, len(word)):
        head, tail = word[:cut], word[cut:]
        number = head[-1].isdigit() != tail[0].isdigit()
        if not number and min(cut, len(word) - cut) < MIN_PART:
            continue
        if (heads := of_head(head)) and (tails := of_tail(tail)):
            found.append((min(heads, tails), f"{head} {tail}"))
    return [phrase for _, phrase in sorted(found, reverse=True)[:MOST_SPLITS]]


def parts_of(word: str, frequency: Frequency) -> list[str]:
    """Return the known words that make up a compound, or nothing.

    Of several ways to divide it, that with the longest last part counts, which says what it is.
    """
    if not MIN_COMPOUND <= len(word) <= MAX_CHARS:
        return []
    for cut in range(MIN_PART, len(word) - MIN_HEAD + 1):
        if frequency(word[cut:]):
            head = _known(word[:cut], frequency)
            heads = [head] if head else parts_of(word[:cut], frequency)
            if heads:
                return [*heads, word[cut:]]
    return []


def compounds_of(
    word: str,
    starting: Iterable[tuple[str, int]],
    ending: Iterable[tuple[str, int]],
    frequency: Frequency,
) -> list[str]:
    """Return the known compounds that begin or end with a word, the most frequent first.

    Args:
        word: what is part of them.
        starting: the words that begin with it, and the number of documents with each.
        ending: the words that end with it, likewise.
        frequency: the number of documents with a word.
    """
    if len(word) < MIN_HEAD:
        return []
    found = {
        other: documents
        for other, documents in ending
        if _known(other.removesuffix(word), frequency)
    }
    for other, documents in starting:
        rest = other.removeprefix(word)
        if any(_is_word(rest.removeprefix(link), frequency) for link in LINKS):
            found[other] = documents
    found.pop(word, None)
    return sorted(found, key=lambda other: -found[other])[:MOST_COMPOUNDS]


def _known(head: str, frequency: Frequency) -> str:
    """Return the known word at the start of a compound, without what links it to the next."""
    words = (head.removesuffix(link) for link in LINKS)
    return next((word for word in words if _is_word(word, frequency)), "")


def _is_word(word: str, frequency: Frequency) -> bool:
    return len(word) >= MIN_PART and frequency(word) > 0
