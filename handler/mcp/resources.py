"""Documents as resources, which people attach to a conversation."""

from urllib.parse import parse_qs, quote, urlsplit

from handler.corpus.document import Document
from handler.errors import InvalidRequest
from handler.mcp.messages import INVALID_PARAMS, Json, RpcError, text_param
from handler.search.lookup import find
from handler.service import Service

PAGE = 100
# The id is a parameter, as a path would change ids such as `a/../b`.
TEMPLATES: Json = {
    "resourceTemplates": [
        {
            "uriTemplate": "querytower://documents/{index}{?id}",
            "name": "document",
            "title": "A document",
            "description": "A document of an index, by its id.",
            "mimeType": "text/plain",
        }
    ]
}


def uri_of(index: str, document_id: str) -> str:
    """Return the URI of a document."""
    return f"querytower://documents/{index}?id={quote(document_id, safe='')}"


def page(service: Service, params: Json) -> Json:
    """Return some documents of the default index; the cursor is the row to start from.

    Raises:
        RpcError: the cursor is none of ours.
    """
    index = service.index()
    cursor = params.get("cursor", "0")
    if not (isinstance(cursor, str) and cursor.isascii() and cursor.isdigit() and len(cursor) < 12):
        raise RpcError(INVALID_PARAMS, f"the cursor is {cursor!r}; send the last nextCursor")
    rows = index.rows_after(int(cursor) - 1, None, PAGE + 1)
    documents = index.documents_at(rows[:PAGE])
    found: Json = {"resources": [_entry(index.manifest.name, each) for each in documents]}
    if len(rows) > PAGE:
        found["nextCursor"] = str(rows[PAGE])
    return found


def read(service: Service, params: Json) -> Json:
    """Return the text of a document, with title and metadata on top.

    Raises:
        InvalidRequest: the URI names no document.
        DocumentNotFound: the index has no document of this id.
        IndexNotFound: there is no such index.
    """
    uri = text_param(params, "uri")
    name, document_id = _parse(uri)
    index = service.index(name)
    document = index.document(find(index, document_id))
    return {"contents": [{"uri": uri, "mimeType": "text/plain", "text": as_text(document)}]}


def as_text(document: Document) -> str:
    """Return a document as people read it: title, link, metadata, text."""
    metadata = [
        f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in document.metadata.items()
    ]
    head = "\n".join(line for line in (document.title, document.url, *metadata) if line)
    return f"{head}\n\n{document.text}".strip()


def _entry(index: str, document: Document) -> Json:
    return {
        "uri": uri_of(index, document.id),
        "name": document.id,
        "title": document.title or document.id,
        "mimeType": "text/plain",
    }


def _parse(uri: str) -> tuple[str, str]:
    problem = f"{uri!r} names no document; URIs are like querytower://documents/default?id=ID"
    try:
        parts = urlsplit(uri)
        ids = parse_qs(parts.query, strict_parsing=True).get("id", [])
    except ValueError:
        raise InvalidRequest(problem) from None
    if (parts.scheme, parts.netloc) != ("querytower", "documents") or len(ids) != 1:
        raise InvalidRequest(problem)
    return parts.path.removeprefix("/"), ids[0]
