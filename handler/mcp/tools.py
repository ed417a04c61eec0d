"""Calls of the tools: search, get_document, similar, list_indexes."""

import traceback
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import to_json

from handler.corpus.document import Document
from handler.errors import DocumentNotFound, IndexNotFound, InvalidRequest, QuerytowerError
from handler.index.engine import Engine
from handler.mcp.descriptions import DEFAULT_K, DOCUMENT_CHARS, SEARCH_OPTIONS
from handler.mcp.fields import filterable
from handler.mcp.messages import INVALID_PARAMS, Json, RpcError, text_param
from handler.mcp.resources import uri_of
from handler.problems import classify
from handler.search.answer import Hit
from handler.search.bounds import K, check_number
from handler.search.lookup import find
from handler.search.request import SearchRequest, first_fault
from handler.service import Service
from handler.trace import Trace, note_results
from handler.versions.repository import IndexRepository

T = TypeVar("T")

# Indexes of which list_indexes reads the fields: each takes two requests to the store.
DESCRIBED_INDEXES = 20


def call(service: Service, params: Json, trace: Trace) -> Json:
    """Call a tool; faults of its arguments are part of the result, so that an agent sees them.

    Raises:
        RpcError: there is no such tool, or the arguments are no object.
    """
    name = text_param(params, "name")
    arguments = params.get("arguments") or {}
    if name not in CALLS or not isinstance(arguments, dict):
        known = ", ".join(CALLS)
        raise RpcError(INVALID_PARAMS, f"no tool {name!r} takes {arguments!r}; tools are {known}")
    trace.extra["mcp_tool"] = name
    try:
        body = CALLS[name](service, dict(arguments), trace)
    except Exception as error:
        return {"content": [_text(explain(error, trace))], "isError": True}
    return {"content": [_text(to_json(body).decode())], "structuredContent": body}


def explain(error: Exception, trace: Trace) -> str:
    """Return what the caller is told of an error; the log gets what it isn't."""
    if not isinstance(error, InvalidRequest | DocumentNotFound | IndexNotFound):
        known = isinstance(error, QuerytowerError)
        trace.extra["problem"] = str(error) if known else traceback.format_exc()
    return classify(error)[1]


def _search(service: Service, arguments: Json, trace: Trace) -> Json:
    index = _index(service, arguments, trace)
    unknown = arguments.keys() - set(SEARCH_OPTIONS)
    if unknown:
        known = ", ".join(SEARCH_OPTIONS)
        raise InvalidRequest(f"{min(unknown)!r} is no argument of search; use {known} and index")
    settings = service.settings
    given = {"k": min(DEFAULT_K, settings.max_k)} | arguments
    try:
        request = SearchRequest.model_validate(given).within(settings)
    except ValidationError as cause:
        raise InvalidRequest(first_fault(cause.errors())) from cause
    answer = service.searcher.search(index, request)
    if settings.log_queries:
        trace.extra["queries"] = [request.query]
        note_results(trace, answer)
    trace.seconds.update(answer.seconds)
    trace.extra["hits"] = len(answer.hits)
    return {"index": index.manifest.name, "hits": [_hit(index, hit) for hit in answer.hits]}


def _similar(service: Service, arguments: Json, trace: Trace) -> Json:
    index = _index(service, arguments, trace)
    id_ = _argument(arguments, "id", str)
    k = _argument(arguments, "k", int, min(DEFAULT_K, service.settings.max_k))
    check_number(k, "k", K, service.settings)
    answer = service.searcher.similar(index, [id_], k)
    return {"index": index.manifest.name, "hits": [_hit(index, hit) for hit in answer.hits]}


def _get_document(service: Service, arguments: Json, trace: Trace) -> Json:
    index = _index(service, arguments, trace)
    id_ = _argument(arguments, "id", str)
    start = _argument(arguments, "start", int, 0)
    document = index.document(find(index, id_))
    if not 0 <= start <= len(document.text):
        raise InvalidRequest(f"start is {start}; the text has {len(document.text)} characters")
    end = min(start + DOCUMENT_CHARS, len(document.text))
    return _document(index, document) | {
        "text": document.text[start:end],
        "start": start,
        "characters": len(document.text),
    }


def _list_indexes(service: Service, _arguments: Json, _trace: Trace) -> Json:
    names = service.index_names()
    described = [_index_body(service, name) for name in names[:DESCRIBED_INDEXES]]
    others = [{"name": name} for name in names[DESCRIBED_INDEXES:]]
    return {"default": service.settings.index, "indexes": described + others}


def _index_body(service: Service, name: str) -> Json:
    """Return name, size and fields of an index, from its manifest: nothing else is downloaded."""
    repository = IndexRepository(service.store, name)
    pointer, _ = repository.pointer()
    manifest, _ = repository.published_manifest(pointer)
    fields = {each: field.kind for each, field in filterable(manifest.schema).items()}
    return {"name": name, "documents": manifest.documents, "fields": fields}


CALLS: dict[str, Callable[[Service, Json, Trace], Json]] = {
    "search": _search,
    "get_document": _get_document,
    "similar": _similar,
    "list_indexes": _list_indexes,
}


def _index(service: Service, arguments: Json, trace: Trace) -> Engine:
    """Return the index that the arguments name, or the default; the argument is taken out."""
    index = service.index(_argument(arguments, "index", str, ""))
    arguments.pop("index", None)
    trace.index_version = index.manifest.version
    return index


def _argument(arguments: Json, name: str, kind: type[T], default: T | None = None) -> T:
    value = arguments.get(name, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        what = "a text" if kind is str else "a whole number"
        raise InvalidRequest(f"{name} is {value!r}; send {what}")
    return value


def _hit(index: Engine, hit: Hit) -> Json:
    score = {} if hit.score is None else {"score": round(hit.score, 4)}
    passage = {"passage": hit.document.text[slice(*hit.passage)]}
    link = {"url": hit.url} if hit.url else {}
    return _document(index, hit.document) | link | score | passage


def _document(index: Engine, document: Document) -> Json:
    body: Json = {"id": document.id, "title": document.title}
    if document.url:
        body["url"] = document.url
    uri = uri_of(index.manifest.name, document.id)
    return body | {"metadata": document.metadata, "uri": uri}


def _text(text: str) -> Json:
    return {"type": "text", "text": text}
