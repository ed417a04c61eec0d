"""Bodies of answers, as plain values of the shapes in handler/api/shapes.py."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import to_json
from starlette.responses import Response

from handler.api.answer_size import ENVELOPE_BYTES, fit, size_of, too_large
from handler.corpus.document import Document
from handler.index.arrays import Rows
from handler.index.engine import Engine
from handler.search.answer import Answer, Hit, corrected_query
from handler.search.facets import Spread
from handler.search.hit_fields import DOCUMENT_FIELDS, HIT_FIELDS, check_fields, chosen
from handler.search.listing import Cursor
from handler.search.request import SearchRequest
from handler.settings import Settings

if TYPE_CHECKING:
    from handler.api.shapes import (
        BatchAnswer,
        DocumentAnswer,
        DocumentBody,
        DocumentsAnswer,
        HitBody,
        SearchAnswer,
        SimilarAnswer,
        SpreadBody,
    )


# A batch is read to its end only if cutting leaves something of it.
MOST_TIMES = 4


class JsonResponse(Response):
    """An answer in JSON, by pydantic's serializer: five times as fast as the standard library's."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return `content` as JSON in UTF-8."""
        return to_json(content)


def search_answer(
    index: Engine, request: SearchRequest, answer: Answer, settings: Settings
) -> "SearchAnswer":
    """Return the body that answers one search, whatever its size.

    Raises:
        InvalidRequest: the request asks for an unknown field.
    """
    body: SearchAnswer = {
        "query": request.query,
        "mode": request.mode,
        "index": index.manifest.name,
        "index_version": index.manifest.version,
        "hits": hit_bodies(index, answer.hits, request.fields, settings),
    }
    if answer.corrected:
        body["corrected"] = {
            "query": corrected_query(request.query, answer.corrected),
            "words": answer.corrected,
        }
    if request.facets:
        body["facets"] = {
            name: [{"value": count.value, "documents": count.documents} for count in counts]
            for name, counts in answer.facets.items()
        }
        body["spreads"] = {name: _spread_body(each) for name, each in answer.spreads.items()}
        if index.facets_of != "everything":
            body["facets_of"] = index.facets_of
    if answer.nothing_close:
        body["nothing_close"] = True
    if answer.total:
        body["total"] = {
            "documents": answer.total.documents,
            "relation": "exact" if answer.total.exact else "at least",
        }
    return body


def _spread_body(spread: Spread) -> "SpreadBody":
    return {
        "min": spread.least,
        "max": spread.greatest,
        "mean": spread.mean,
        "histogram": [
            {"start": each.start, "end": each.end, "documents": each.documents}
            for each in spread.histogram
        ],
    }


def fitting(answer: Any, hits: Sequence[Any], settings: Settings) -> Any:
    """Return `answer` after its `hits` were cut to what Lambda can send.

    Raises:
        AnswerTooLarge: that is not enough.
    """
    fit(answer, hits, settings.max_answer_bytes - ENVELOPE_BYTES)
    return answer


def batch_answer(
    version: str, searches: Iterable["SearchAnswer"], settings: Settings
) -> "BatchAnswer":
    """Return the body that answers a batch; each of `searches` is made when it is needed.

    Raises:
        AnswerTooLarge: all together have MOST_TIMES the size allowed, or can't be cut to that.
    """
    body: BatchAnswer = {"index_version": version, "results": []}
    size = 0
    for result in searches:
        size += size_of(result)
        if size > MOST_TIMES * settings.max_answer_bytes:
            raise too_large()
        body["results"].append(result)
    hits = [hit for result in body["results"] for hit in result["hits"]]
    fitting(body, hits, settings)
    for result in body["results"]:
        if any("truncated" in hit for hit in result["hits"]):
            result["truncated"] = True
    return body


def similar_answer(
    index: Engine, document_id: str, answer: Answer, fields: list[str], settings: Settings
) -> "SimilarAnswer":
    """Return the body that answers with the documents most similar to one.

    Raises:
        InvalidRequest: one of `fields` is unknown.
        AnswerTooLarge: the answer can't be cut to what Lambda can send.
    """
    hits = hit_bodies(index, answer.hits, fields, settings)
    body: SimilarAnswer = {
        "id": document_id,
        "index_version": index.manifest.version,
        "hits": hits,
    }
    return cast("SimilarAnswer", fitting(body, hits, settings))


def listing_answer(
    index: Engine,
    rows: Rows,
    fields: list[str],
    settings: Settings,
    *,
    more: bool | None = None,
) -> "DocumentsAnswer":
    """Return the body that answers with the whole documents at `rows`.

    `more` tells whether others may follow the last row. Of a listing, as many documents as fit are
    returned, and where to go on. If it is None, these are all that was asked for.

    Raises:
        InvalidRequest: one of `fields` is unknown.
        AnswerTooLarge: not even the first document can be cut to what Lambda can send.
    """
    check_fields(fields, DOCUMENT_FIELDS, index.manifest.schema)
    body: DocumentsAnswer = {"index_version": index.manifest.version, "documents": []}
    left = settings.max_answer_bytes - ENVELOPE_BYTES - size_of(body) - 200
    for row in rows.tolist():
        shown = chosen(_document_fields(index.document(row), None), fields)
        left -= size_of(shown) + 1
        if more is not None and left < 0 and body["documents"]:
            break
        body["documents"].append(cast("DocumentBody", shown))
    count = len(body["documents"])
    if more is not None and count and (more or count < len(rows)):
        body["next"] = str(Cursor(index.manifest.version, int(rows[count - 1])))
    return cast("DocumentsAnswer", fitting(body, body["documents"], settings))


def hit_bodies(
    index: Engine, hits: Sequence[Hit], fields: list[str], settings: Settings
) -> "list[HitBody]":
    """Return the bodies of hits, with `fields` alone if there are any.

    Raises:
        InvalidRequest: one of `fields` is unknown.
    """
    check_fields(fields, HIT_FIELDS, index.manifest.schema)
    bodies = (hit_body(hit, settings) for hit in hits)
    return [cast("HitBody", chosen(body, fields)) for body in bodies]


def hit_body(hit: Hit, settings: Settings) -> "HitBody":
    """Return a hit: its text cut to the limit, its passage whole, with its place in the text."""
    document = hit.document
    start, end = hit.passage
    body: HitBody = {
        "id": document.id,
        "title": document.title,
        "text": document.text[: settings.max_text_chars],
        "url": hit.url,
        "metadata": document.metadata,
        "score": None if hit.score is None else round(hit.score, 6),
        "passage": {"start": start, "end": end, "text": document.text[start:end]},
    }
    if hit.section and hit.section.label:
        body["section"] = hit.section.label
    if hit.highlight is not None:
        body["highlight"] = hit.highlight
    if hit.explanation is not None:
        body["explanation"] = hit.explanation
    if hit.others is not None:
        body["others"] = hit.others
    if hit.distance is not None:
        body["distance"] = hit.distance
    return body


def document_answer(
    index: Engine,
    document: Document,
    fields: list[str],
    settings: Settings,
    max_chars: int | None = None,
) -> "DocumentAnswer":
    """Return the body that answers with a document, its text cut to `max_chars` if given.

    Raises:
        InvalidRequest: one of `fields` is unknown.
        AnswerTooLarge: the answer can't be cut to what Lambda can send.
    """
    check_fields(fields, DOCUMENT_FIELDS, index.manifest.schema)
    whole = _document_fields(document, max_chars)
    body = chosen(whole, fields) | {"index_version": index.manifest.version}
    return cast("DocumentAnswer", fitting(body, [body], settings))


def _document_fields(document: Document, max_chars: int | None) -> dict[str, Any]:
    return {
        "id": document.id,
        "title": document.title,
        "text": document.text[:max_chars],
        "url": document.url,
        "metadata": document.metadata,
    }
