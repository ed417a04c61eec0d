"""What agents are told of the tools: purpose, arguments, fields and bounds of the index."""

from handler.index.engine import Engine
from handler.mcp.fields import filter_schema
from handler.mcp.messages import Json
from handler.search.bounds import OFFSET, QUERY_CHARS, K
from handler.search.request import SearchRequest
from handler.service import Service
from handler.settings import Settings

DEFAULT_K = 5
# Characters of a document that one call returns; `start` reads on.
DOCUMENT_CHARS = 20_000
# Options of a search that help an agent; highlights and facets are for people.
SEARCH_OPTIONS = ("query", "k", "offset", "mode", "filter", "sort")
# What of an option's schema depends on no setting.
KEPT = {"type", "enum", "default", "description"}
READ_ONLY: Json = {"readOnlyHint": True, "openWorldHint": False}


def describe(service: Service) -> list[Json]:
    """Return the descriptions of all tools, with the fields and bounds of the default index."""
    index = service.index()
    settings = service.settings
    id_ = {"type": "string", "description": "Id of a document, as a hit has it."}
    start = {"type": "integer", "minimum": 0, "default": 0, "description": "First character."}
    return [
        _tool(
            "search",
            f"Find documents by what they mean and by their words. The index "
            f"{index.manifest.name!r} has {index.manifest.documents} documents. Returns the best "
            "passage of each hit, best hit first.",
            _search_properties(index, settings),
            ["query"],
            settings,
        ),
        _tool(
            "get_document",
            f"Return a document with its text, {DOCUMENT_CHARS} characters at once.",
            {"id": id_, "start": start},
            ["id"],
            settings,
        ),
        _tool(
            "similar",
            "Find the documents that are most similar to one.",
            {"id": id_, "k": _count(settings)},
            ["id"],
            settings,
        ),
        _tool("list_indexes", "List the indexes of the store, and their fields.", {}, [], None),
    ]


def _tool(
    name: str, description: str, properties: Json, required: list[str], settings: Settings | None
) -> Json:
    index = {"type": "string", "description": "Name of the index; list_indexes has them."}
    if settings:
        properties = properties | {"index": index | {"default": settings.index}}
    schema = {"type": "object", "properties": properties, "required": required}
    return {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "description": description,
        "inputSchema": schema | {"additionalProperties": False},
        "annotations": READ_ONLY,
    }


def _search_properties(index: Engine, settings: Settings) -> Json:
    described: Json = SearchRequest.model_json_schema()["properties"]
    properties: Json = {}
    for name in SEARCH_OPTIONS:
        properties[name] = {key: value for key, value in described[name].items() if key in KEPT}
    properties["query"] |= {"maxLength": QUERY_CHARS.greatest(settings)}
    properties["k"] |= _count(settings)
    properties["offset"] |= {"minimum": OFFSET.least, "maximum": OFFSET.greatest(settings)}
    properties["filter"] = filter_schema(index)
    return properties


def _count(settings: Settings) -> Json:
    return {
        "type": "integer",
        "description": "Number of hits.",
        "minimum": K.least,
        "maximum": K.greatest(settings),
        "default": min(DEFAULT_K, settings.max_k),
    }
