"""The page at /docs: the OpenAPI document for people, without a script or a file of another host.

Imported at the first visit, so that no start waits for it.
"""

import re
from collections.abc import Mapping
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from handler.html_answer import html_answer, style_policy
from handler.markup import NOTHING, Html, fill, joined
from handler.page.templates import parts

Json = Mapping[str, Any]

CODE = re.compile(r"`([^`]+)`")


def docs(request: Request) -> Response:
    """Return the page for the application's OpenAPI document."""
    style = parts("docs.html")["style"]
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": style_policy(style),
        "Cache-Control": "no-cache",
    }
    html = render(request.app.openapi(), Html(style))
    return html_answer(request, html.encode(), 200, headers)


def render(document: Json, style: Html) -> Html:
    """Return an OpenAPI document as HTML."""
    paths = document["paths"]
    listed = [
        (method.upper(), path, operation)
        for path, operations in paths.items()
        if not path.startswith("/indexes/{name}")
        for method, operation in operations.items()
    ]
    shapes = document["components"]["schemas"]
    return _part(
        "page",
        title=document["info"]["title"],
        style=style,
        description=document["info"]["description"],
        contents=joined(_entry(*each, paths) for each in listed),
        operations=joined(_operation(*each) for each in listed),
        shapes=joined(_shape(name, schema) for name, schema in shapes.items()),
    )


def _part(name: str, /, **values: object) -> Html:
    return fill(parts("docs.html")[name], **values)


def _entry(method: str, path: str, operation: Json, paths: Json) -> Html:
    description = operation["description"]
    return _part(
        "entry",
        id=operation["operationId"],
        method=method,
        path=path,
        star="*" if f"/indexes/{{name}}{path}" in paths else "",
        summary=_prose(description.split("\n")[0]),
    )


def _operation(method: str, path: str, operation: Json) -> Html:
    parameters = [
        _row(
            each["name"],
            each.get("schema") or next(iter(each["content"].values()))["schema"],
            each.get("required", False),
            each.get("description", ""),
        )
        for each in operation.get("parameters", [])
    ]
    body = NOTHING
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body = fill("<h3>Body</h3>\n<p>$kind</p>", kind=_kind(schema))
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return _part(
        "operation",
        id=operation["operationId"],
        method=method,
        path=path,
        description=_prose(operation["description"]),
        parameters=_part("table", heading="Parameters", rows=joined(parameters))
        if parameters
        else NOTHING,
        body=body,
        answer=_kind(answer),
    )


def _shape(name: str, schema: Json) -> Html:
    needed = schema.get("required", [])
    rows = [
        _row(field, entry, field in needed, entry.get("description", ""))
        for field, entry in schema.get("properties", {}).items()
    ]
    description = _prose(schema.get("description", ""))
    return _part("shape", id=name, name=name, description=description, rows=joined(rows))


def _row(name: str, schema: Json, needed: bool, description: str) -> Html:
    return _part(
        "row",
        name=name,
        kind=_kind(schema),
        needed=", required" if needed else "",
        description=_prose(description),
    )


def _kind(schema: Json) -> Html:
    """Return a schema in a few words, with links to the shapes that it names."""
    if "$ref" in schema:
        return _part("reference", name=schema["$ref"].rsplit("/", 1)[-1])
    if "anyOf" in schema:
        return Html(" or ".join(_kind(each) for each in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum") or [schema["const"]]
        return fill("$values", values=" or ".join(map(str, values)) + _default(schema))
    if schema.get("type") == "array":
        return Html(f"list of {_kind(schema['items'])}{escape(_limits(schema))}")
    return fill("$kind", kind=schema.get("type", "any") + _limits(schema) + _default(schema))


def _limits(schema: Json) -> str:
    """Return the bounds of a number, a text or a list."""
    for low, high, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
    ):
        if high in schema:
            return f" of {schema.get(low, 0)} to {schema[high]}{unit}"
    return ""


def _default(schema: Json) -> str:
    default = schema.get("default")
    return f", {default} by default" if default not in (None, "", False) else ""


def _prose(text: str) -> Html:
    """Return a description as HTML: `code` marked, line breaks as blanks."""
    return Html(CODE.sub(r"<code>\1</code>", escape(" ".join(text.split()))))
