"""The OpenAPI document. Imported when somebody asks for it, so that no start waits for it."""

from itertools import chain
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from handler.api.shapes import ANSWERS, ProblemBody
from handler.search.bounds import BATCH, Bounds
from handler.search.parameters import LISTS, OPTIONS
from handler.search.request import BOUNDS, SearchRequest
from handler.settings import Settings

Json = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"
PROBLEMS = {
    "401": "The key is missing or unknown.",
    "404": "There is no such index, document or model.",
    "413": "The request or its answer is too large.",
    "415": "The body is not called JSON.",
    "422": "A parameter is missing, of the wrong type or out of bounds.",
    "503": "The index can't be searched at the moment.",
    "default": "Any other problem.",
}
SECURITY_SCHEMES = {
    "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
HEADERS = {
    "X-Request-Id": "Names the request in the log.",
    "Server-Timing": "Milliseconds that each stage of the answer took.",
}
FILTER_PARAMETER = {
    "name": "filter",
    "in": "query",
    "description": "A filter in JSON; may be repeated.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}
METADATA_PARAMETERS = {
    "name": "metadata",
    "in": "query",
    "description": "Each further parameter is a filter: `genres=mystery`, `year>=1990`, `year<2000`,"
    " `genres!=gothic`. A field that is given twice matches either value.",
    "style": "form",
    "explode": True,
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
}


def describe(app: FastAPI, settings: Settings) -> Json:
    """Return the OpenAPI document of the application."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        del schemas[name]
    _bound_bodies(schemas, settings)
    schemas.update(_answer_schemas())
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(operation, path, settings)
    document["components"]["headers"] = {
        name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()
    }
    document["components"]["securitySchemes"] = SECURITY_SCHEMES
    either: list[Json] = [{name: []} for name in SECURITY_SCHEMES]
    document["security"] = either if settings.api_keys else [{}, *either]
    document["paths"]["/health"]["get"]["security"] = []
    return document


def _answer_schemas() -> Json:
    """Return the schemas of all answers, by the names of their shapes."""
    inputs: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (shape.__name__, "serialization", TypeAdapter(shape))
        for shape in [*chain(*map(_shapes, ANSWERS)), ProblemBody]
    ]
    _, document = TypeAdapter.json_schemas(inputs, ref_template=REFERENCE)
    return dict(document["$defs"])


def _shapes(operation: str) -> tuple[type, ...]:
    """Return the shapes of the answers that an operation may give."""
    shapes = ANSWERS[operation]
    return shapes if isinstance(shapes, tuple) else (shapes,)


def _bound_bodies(schemas: Json, settings: Settings) -> None:
    """Add the bounds that are settings to the schemas of bodies."""
    properties = schemas["SearchRequest"]["properties"]
    for name, bounds in BOUNDS.items():
        properties[name] |= _limits(properties[name], bounds, settings)
    schemas["BatchRequest"]["properties"]["queries"] |= {
        "minItems": BATCH.least,
        "maxItems": BATCH.greatest(settings),
    }
    text, *lists = schemas["EmbeddingsRequest"]["properties"]["input"]["anyOf"]
    text |= {"minLength": 1, "pattern": r"\S"}
    for each in lists:
        each |= {"minItems": 1}


def _limits(schema: Json, bounds: Bounds, settings: Settings) -> Json:
    """Return `bounds` in the words of JSON Schema, for a number, a text or a list."""
    least, greatest = bounds.least, bounds.greatest(settings)
    if schema["type"] == "string" and schema.get("default") == "":
        return {"maxLength": greatest}
    if schema["type"] == "string":
        return {"minLength": least, "maxLength": greatest, "pattern": r"\S"}
    if schema["type"] == "array":
        return {"minItems": least, "maxItems": greatest}
    limits = {"minimum": least, "maximum": greatest}
    return limits | ({"default": min(schema["default"], greatest)} if "default" in schema else {})


def _complete(operation: Json, path: str, settings: Settings) -> None:
    """Add to an operation what FastAPI doesn't know: parameters, bounds, answers, problems."""
    name = operation["operationId"].removesuffix("_in_index")
    parameters: list[Json] = operation.setdefault("parameters", [])
    for parameter in parameters:
        if bounds := BOUNDS.get(OPTIONS.get(parameter["name"], "")):
            parameter["schema"] |= _limits(parameter["schema"], bounds, settings)
    if "{name}" in path:
        parameters.insert(0, _path_parameter("name", "Name of the index."))
    if name == "search_by_url":
        parameters += _search_parameters(settings)
    shapes = _shapes(name)
    references = [{"$ref": REFERENCE.format(model=shape.__name__)} for shape in shapes]
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    operation["responses"] = {
        "200": {
            "description": (shapes[0].__doc__ or "").split("\n")[0],
            "headers": {each: {"$ref": f"#/components/headers/{each}"} for each in HEADERS},
            "content": {"application/json": {"schema": schema}},
        },
        **{status: _problem(text) for status, text in PROBLEMS.items()},
    }


def _path_parameter(name: str, description: str) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
    }


def _search_parameters(settings: Settings) -> list[Json]:
    """Return the parameters of GET /search, which the model of a search declares."""
    schema = SearchRequest.model_json_schema(ref_template=REFERENCE)
    parameters: list[Json] = []
    for name, field in OPTIONS.items():
        entry = dict(schema["properties"][field])
        parameter: Json = {
            "name": name,
            "in": "query",
            "required": field in schema.get("required", ()),
        }
        parameter["description"] = entry.pop("description")
        if field in BOUNDS:
            entry |= _limits(entry, BOUNDS[field], settings)
        if field in LISTS:
            parameter |= {"style": "form", "explode": False}
        parameters.append(parameter | {"schema": entry})
    return [*parameters, FILTER_PARAMETER, METADATA_PARAMETERS]


def _problem(description: str) -> Json:
    schema = {"$ref": REFERENCE.format(model=ProblemBody.__name__)}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}
