"""Right spellings of words, from the words of an index and the numbers of documents that have them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from string import ascii_lowercase

# Shorter words have too many neighbours, and longer ones may differ in two letters.
MIN_CHARS = 4
TWO_EDITS_CHARS = 8
MAX_CHARS = 40
MOST = 3
# Letters that belong to one alphabet lie in one block of so many code points.
BLOCK = 64
# How much likelier people swap, double or undouble letters, or take a wrong vowel, than other slips.
USUAL = 5.0
VOWELS = "aeiouy"
# Candidates so much less likely than the best are left out.
LEAST_SHARE = 0.1
# A word that fewer documents have than its neighbour's by this factor may be a misspelling.
SUSPICIOUS = 2

# Returns the number of documents with a word.
Frequency = Callable[[str], int]
# Returns the words with a prefix, and the number of documents with each.
Starting = Callable[[str], list[tuple[str, int]]]


@dataclass(frozen=True, slots=True)
class Correction:
    """A word that the index has, and how many edits away it is from what was typed."""

    word: str
    edits: int


def corrections(word: str, frequency: Frequency, starting: Starting) -> list[Correction]:
    """Return the likeliest right spellings of a word that the index lacks, the likeliest first.

    One edit, a letter more, less, swapped with its neighbour or another letter, comes before two;
    among the same number of edits, the probability is that of a noisy channel: the word's frequency
    times that of the slip. (Kernighan, Church and Gale, A spelling correction program based on a
    noisy channel model, 1990.) A long word is searched for two edits among those that begin alike.
    """
    if not (MIN_CHARS <= len(word) <= MAX_CHARS and word.isalpha()):
        return []
    found = {
        near: usual * documents
        for near, usual in one_edit(word).items()
        if (documents := frequency(near))
    }
    edits = 1
    if not found and len(word) >= TWO_EDITS_CHARS:
        edits = 2
        alike = starting(word[:2]) + starting(word[1] + word[0])
        found = {near: float(count) for near, count in alike if within_two_edits(word, near)}
    likely = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MOST]
    least = max(LEAST_SHARE * likely[0][1], 1) if likely else 1
    return [Correction(near, edits) for near, likelihood in likely if likelihood >= least]


def suspected(word: str, documents: int, frequency: Frequency) -> Correction | None:
    """Return the word that a rare one, which `documents` have, is a usual misspelling of."""
    if not (MIN_CHARS < len(word) <= MAX_CHARS and word.isalpha()):
        return None
    near = {other: frequency(other) for other in usual_slips(word) if other[0] == word[0]}
    best = max(near, key=lambda other: near[other], default=word)
    return Correction(best, 1) if near.get(best, 0) >= SUSPICIOUS * documents else None


def one_edit(word: str) -> dict[str, float]:
    """Return all words one edit away, and how likely the slip is relative to the rarest."""
    letters = alphabet(word)
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    near = [start + end[1:] for start, end in cuts if end]
    near += [start + letter + end[1:] for start, end in cuts if end for letter in letters]
    near += [start + letter + end for start, end in cuts for letter in letters]
    found = dict.fromkeys(near, 1.0) | dict.fromkeys(usual_slips(word), USUAL)
    found.pop(word, None)
    return found


def usual_slips(word: str) -> Iterator[str]:
    """Yield the words from which people get to `word` by their most usual slips."""
    for at, letter in enumerate(word):
        before, after = word[:at], word[at + 1 :]
        if after[:1] == letter:
            yield before + after
            continue
        yield before + 2 * letter + after
        if after:
            yield before + after[0] + letter + after[1:]
        if letter in VOWELS:
            yield from (before + vowel + after for vowel in VOWELS if vowel != letter)


def alphabet(word: str) -> str:
    """Return the letters that a word of this script may have."""
    if word.isascii():
        return ascii_lowercase
    blocks = {ord(letter) // BLOCK for letter in word}
    letters = (chr(code) for block in blocks for code in range(block * BLOCK, (block + 1) * BLOCK))
    return "".join(letter for letter in letters if letter.islower() or letter in word)


def within_two_edits(first: str, second: str) -> bool:
    """Tell whether two edits at most, swapped neighbours counting as one, lead to the other word.

    This is the optimal string alignment distance.
    """
    # Each edit changes the set of letters by two at most. This is quick, and rules out most words.
    if abs(len(first) - len(second)) > 2 or len(set(first) ^ set(second)) > 4:
        return False
    before: list[int] = []
    row = list(range(len(second) + 1))
    for at, letter in enumerate(first, start=1):
        last, before, row = before, row, [at]
        for other, near in enumerate(second, start=1):
            cost = min(before[other] + 1, row[-1] + 1, before[other - 1] + (letter != near))
            swapped = at > 1 and other > 1 and letter == second[other - 2] and near == first[at - 2]
            row.append(min(cost, last[other - 2] + 1) if swapped else cost)
        if min(row) > 2:
            return False
    return row[-1] <= 2
