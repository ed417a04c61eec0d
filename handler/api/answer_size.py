"""The size of an answer, as AWS Lambda counts it, and what is cut where that is too large.

Lambda's runtime wraps an answer in JSON and sends at most 6,291,556 bytes. A larger answer ends
the process, so that the next caller waits for a cold start.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic_core import to_json

from handler.errors import AnswerTooLarge
from handler.settings import PREFIX

Body = dict[str, Any]

# Metadata fields up to this size, such as an author or a year, are left out after all others.
SMALL_BYTES = 1000
# Texts stay this long while that can be achieved in another way.
SHORT_CHARS = 200
# `"truncated":true,` in a hit, with the runtime's backslashes.
MARK_BYTES = 20
# Headers and the names around the body.
ENVELOPE_BYTES = 4000
# One byte of a body may become six, such as \u0000.
MOST_PER_BYTE = 6


def payload_bytes(body: bytes, headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Return the bytes that Lambda's runtime sends for an answer.

    A compressed body is sent as base64, any other as a JSON string. Python 3.11's runtime writes
    characters outside ASCII as escapes, later ones don't; the larger size counts everywhere.
    """
    names = [name.lower() for name, _ in headers]
    around = sum(len(name) + len(value) + 8 for name, value in headers) + 100
    if b"content-encoding" in names:
        return around + 4 * -(-len(body) // 3)
    return around + len(json.dumps(body.decode("utf-8", "replace")))


def surely_fits(body: bytes, max_bytes: int) -> bool:
    """Tell whether a body is so small that nobody needs to count."""
    return MOST_PER_BYTE * len(body) + 10_000 < max_bytes


def too_large() -> AnswerTooLarge:
    """Return the error for an answer that is larger than the settings allow."""
    return AnswerTooLarge(
        f"the answer is larger than {PREFIX}MAX_ANSWER_BYTES allows, as AWS Lambda counts it; "
        "ask for fewer hits (k), for fewer queries or texts at once, or for some fields alone "
        "(fields=id,title)"
    )


def size_of(value: object) -> int:
    """Return the bytes that a part of a JSON answer takes."""
    return len(json.dumps(to_json(value).decode())) - 2


def fit(answer: Body, hits: Sequence[Body], max_bytes: int) -> None:
    """Cut `hits`, which are parts of `answer`, until the answer has `max_bytes` at most.

    In this order, and no more than is needed: metadata fields over SMALL_BYTES are left out, the
    largest first; text and passage are cut to one length for all, SHORT_CHARS at least, and longer
    highlights left out; the other metadata fields are left out; the texts are cut to nothing. What
    was cut has `truncated`, and so has the answer.

    Raises:
        AnswerTooLarge: it still doesn't fit.
    """
    size = size_of(answer)
    if size <= max_bytes:
        return
    excess = size - max_bytes + MARK_BYTES * (len(hits) + 1)
    fields = _metadata(hits)
    for over, least in ((SMALL_BYTES, SHORT_CHARS), (0, 0)):
        excess -= _drop(fields, hits, excess, over)
        excess -= _cut_texts(hits, excess, least)
    if excess > 0:
        raise too_large()
    answer["truncated"] = True


def _metadata(hits: Sequence[Body]) -> list[tuple[int, int, str]]:
    """Return size, hit and name of all metadata fields, in the order in which they are kept.

    The largest are last; of equal ones, those of the last hits.
    """
    for hit in hits:
        if "metadata" in hit:  # the document itself stays as it is
            hit["metadata"] = dict(hit["metadata"])
    return sorted(
        (size_of({name: value}) - 1, at, name)
        for at, hit in enumerate(hits)
        for name, value in hit.get("metadata", {}).items()
    )


def _drop(fields: list[tuple[int, int, str]], hits: Sequence[Body], excess: int, over: int) -> int:
    """Leave out the last of `fields` while they have more than `over` bytes.

    Stop when that has freed `excess` bytes. Return how many were freed.
    """
    freed = 0
    while fields and freed < excess and fields[-1][0] > over:
        size, at, name = fields.pop()
        del hits[at]["metadata"][name]
        hits[at]["truncated"] = True
        freed += size
    return freed


def _cut_texts(hits: Sequence[Body], excess: int, least: int) -> int:
    """Cut all texts to one length, at least `least` characters; return the bytes that this freed.

    The length is within a twentieth of the greatest one that frees `excess` bytes.
    """
    if excess <= 0:
        return 0
    texts = [text for hit in hits for text in _texts(hit)]
    before = sum(map(size_of, texts))
    most = max(map(len, texts), default=0)
    while most - least > least // 20:
        middle = (least + most + 1) // 2
        freed = before - sum(size_of(text[:middle]) for text in texts)
        least, most = (middle, most) if freed >= excess else (least, middle - 1)
    return sum(_shorten(hit, least) for hit in hits)


def _texts(hit: Body) -> list[str]:
    return [hit.get("text", ""), hit.get("passage", {}).get("text", ""), hit.get("highlight", "")]


def _shorten(hit: Body, length: int) -> int:
    """Cut the texts of a hit to `length` characters, and return the bytes that this freed."""
    before = sum(map(size_of, _texts(hit)))
    if len(hit.get("text", "")) > length:
        hit |= {"text": hit["text"][:length], "truncated": True}
    passage = hit.get("passage", {"text": ""})
    if len(passage["text"]) > length:
        hit |= {"passage": passage | {"text": passage["text"][:length]}, "truncated": True}
    if len(hit.get("highlight", "")) > length:  # half of it is not HTML
        del hit["highlight"]
        hit["truncated"] = True
    return before - sum(map(size_of, _texts(hit)))
