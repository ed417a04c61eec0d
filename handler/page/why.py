"""Why a document matched, on the search page: plain words and bars first, numbers on demand."""

import re
from collections.abc import Sequence
from html import unescape
from typing import NamedTuple, Self
from urllib.parse import quote

from handler.markup import NOTHING, Html
from handler.page.templates import part
from handler.search.answer import Explanation, Hit

# What made a document match, by the name of its symbol on the page.
MATCHES = {"both": "Meaning and words", "meaning": "Meaning", "words": "Words"}
BAR = 100
MOST_WORDS = 6
MARKED = re.compile(r"<mark>([^<]{1,39})</mark>")


class Scale(NamedTuple):
    """What fills a bar: the greatest of a page's hits, by meaning and by words."""

    meaning: float
    words: float

    @classmethod
    def of(cls, found: Sequence[Hit]) -> Self:
        """Return the scale of a page of hits."""
        explained = [hit.explanation for hit in found if hit.explanation]
        return cls(
            meaning=max((each["semantic"] or 0 for each in explained), default=0),
            words=max((each["bm25"] or 0 for each in explained), default=0),
        )


def why(hit: Hit, scale: Scale, marked: str) -> Html:
    """Return the fold that tells why a document matched; `marked` is all of its marked HTML."""
    explanation = hit.explanation
    if not explanation or (explanation["cosine"] is None and explanation["bm25"] is None):
        return NOTHING
    kind = match_of(explanation)
    numbers = [
        ("Meaning", _share("cosine", explanation["cosine"], explanation["semantic_rank"])),
        ("Words", _share("BM25", explanation["bm25"], explanation["keyword_rank"])),
        ("Score", "none, in this order" if hit.score is None else f"{hit.score:.3f}"),
        ("Passage", _place(hit)),
    ]
    if "rerank" in explanation:
        numbers.append(("Reranked", f"{explanation['rerank']:.3f}"))
    return part(
        "why",
        id=f"why-{quote(hit.document.id)}",
        kind=kind,
        label=MATCHES[kind],
        meaning=_nearness(explanation),
        meaning_bar=_bar(explanation["semantic"], scale.meaning),
        words=_words_found(explanation, marked),
        words_bar=_bar(explanation["bm25"], scale.words),
        numbers=Html("".join(part("number", name=name, text=text) for name, text in numbers)),
    )


def match_of(explanation: Explanation) -> str:
    """Return what made a document match: meaning, words or both.

    Every candidate has a cosine. If it is below the candidates' mean, only the words made the
    document match.
    """
    if explanation["keyword_rank"] is None:
        return "meaning"
    return "both" if (explanation["semantic"] or 0) > 0 else "words"


def _bar(value: float | None, most: float) -> int:
    """Return the length of a bar, 0 to BAR."""
    return round(BAR * max(0.0, value or 0.0) / most) if most > 0 else 0


def _nearness(explanation: Explanation) -> str:
    """Return in words how near the meaning is."""
    rank = explanation["semantic_rank"]
    if rank is None or (explanation["semantic"] or 0) <= 0:
        return "no part in it" if rank is None else "not close"
    if rank == 1:
        return "the closest of all"
    most = next((most for most in (3, 10, 30, 100) if rank <= most), None)
    return f"among the {most} closest" if most else "somewhat close"


def _words_found(explanation: Explanation, marked: str) -> str:
    """Return the words of the query that were found."""
    if explanation["keyword_rank"] is None:
        return "none of yours"
    texts = (unescape(text) for text in MARKED.findall(marked))
    found = list({text.lower(): text for text in texts}.values())[:MOST_WORDS]
    return ", ".join(f"“{text}”" for text in found) or "elsewhere in the document"


def _share(measure: str, value: float | None, rank: float | None) -> str:
    if value is None or rank is None:
        return "no part in it"
    return f"place {rank:,}, {measure} {value:.3f}"


def _place(hit: Hit) -> str:
    (start, end), length = hit.passage, len(hit.document.text)
    if start == 0 and end in (0, length):
        return "the whole text"
    return f"{start:,} to {end:,} of {length:,} characters"
