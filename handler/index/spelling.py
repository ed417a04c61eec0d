"""Right spellings of words, from the words of an index and the numbers of documents that have them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from string import ascii_lowercase

# Shorter words have too many neighbours. Longer ones may also be written as they sound, with one
# slip more, or with two.
MIN_CHARS = 4
SOUND_CHARS = 6
TWO_EDITS_CHARS = 8
MAX_CHARS = 40
MOST = 3
# Letters that belong to one alphabet lie in one block of so many code points.
BLOCK = 64
# How much likelier people swap, double or undouble letters, or take a wrong vowel, than other slips.
USUAL = 5.0
VOWELS = "aeiouy"
# Beginnings that are heard alike or nearly.
HEARD = (
    "f ph,n kn,n pn,n gn,r wr,r rh,s ps,s sc,s sch,sh sch,s c,k c,k ch,k q,z x,z s,j g,t pt,w wh,i y,"
    "c ch,e ae,o ho,h wh"
)
SOUNDS = [tuple(pair.split()) for pair in HEARD.split(",")]
SILENT = re.compile(r"^(?:k(?=n)|p(?=[nst])|g(?=n)|w(?=[hr]))|(?<=r)h")
DOUBLED = re.compile(r"(.)\1+")
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
    noisy channel model, 1990.) Two edits are looked for among words that begin alike, or sound as
    if they did; what is not heard, such as a doubled letter, is no edit there.
    """
    if not (MIN_CHARS <= len(word) <= MAX_CHARS and _may_be_misspelt(word)):
        return []
    found = {
        near: usual * documents
        for near, usual in one_edit(word).items()
        if near.isalpha() and (documents := frequency(near))
    }
    edits = 1
    if not found and len(word) >= SOUND_CHARS:
        edits = 2
        found = _two_edits(word, starting)
    likely = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MOST]
    least = max(LEAST_SHARE * likely[0][1], 1) if likely else 1
    return [Correction(near, edits) for near, likelihood in likely if likelihood >= least]


def _may_be_misspelt(word: str) -> bool:
    """Tell whether a word has letters alone, or one digit that slipped in."""
    return word.isalpha() or (word.isalnum() and sum(map(str.isdigit, word)) == 1)


def _two_edits(word: str, starting: Starting) -> dict[str, float]:
    """Return the words that sound like `word`, or are two edits from that, by likelihood."""
    heard = as_heard(word)
    most = 2 if len(word) >= TWO_EDITS_CHARS else 1
    found = {}
    for prefix in dict.fromkeys(_beginnings(word)):
        for near, count in starting(prefix):
            edits = distance(heard, as_heard(near), most)
            if edits <= most:
                found[near] = count * USUAL ** (2 - edits)
    return found


def _beginnings(word: str) -> Iterator[str]:
    """Yield how the right spelling of a word may begin."""
    yield from (word[:2], word[1] + word[0])
    for one, other in SOUNDS:
        if word.startswith(one):
            yield (other + word[len(one) :])[:3]
        if word.startswith(other):
            yield (one + word[len(other) :])[:3]


def as_heard(word: str) -> str:
    """Return a word without what is not heard: doubled letters, ph for f, a silent beginning."""
    return DOUBLED.sub(r"\1", SILENT.sub("", word).replace("ph", "f"))


def suspected(
    word: str, documents: int, frequency: Frequency, starting: Starting
) -> Correction | None:
    """Return the word that a rare one, which `documents` have, is a likely misspelling of.

    Words of some length have no neighbours by chance, so there any slip will do.
    """
    if not (MIN_CHARS < len(word) <= MAX_CHARS and word.isalpha()):
        return None
    near = {other: frequency(other) for other in usual_slips(word) if other[0] == word[0]}
    if len(word) >= TWO_EDITS_CHARS:
        alike = starting(word[:3])
        near |= {other: count for other, count in alike if distance(word, other, 1) == 1}
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


def distance(first: str, second: str, most: int) -> int:
    """Return how many edits lead to the other word; of more than `most`, no more are counted.

    Swapped neighbours count as one. This is the optimal string alignment distance.
    """
    # Each edit changes the set of letters by two at most. This is quick, and rules out most words.
    if abs(len(first) - len(second)) > most or len(set(first) ^ set(second)) > 2 * most:
        return most + 1
    before: list[int] = []
    row = list(range(len(second) + 1))
    for at, letter in enumerate(first, start=1):
        last, before, row = before, row, [at]
        for other, near in enumerate(second, start=1):
            cost = min(before[other] + 1, row[-1] + 1, before[other - 1] + (letter != near))
            swapped = at > 1 and other > 1 and letter == second[other - 2] and near == first[at - 2]
            row.append(min(cost, last[other - 2] + 1) if swapped else cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
