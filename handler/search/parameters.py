"""A search as the parameters of a URL: options by name, and everything else as a filter."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, get_origin

from pydantic import ValidationError

from handler.corpus.schema import Schema
from handler.errors import InvalidRequest
from handler.search.request import SearchRequest, first_fault

Pairs = list[tuple[str, str]]

# Options by their names in a URL. There, `filter` may be repeated, beside the shorter forms.
OPTIONS = {
    "q" if name == "query" else name: name
    for name in SearchRequest.model_fields
    if name != "filter"
}
LISTS = {
    name
    for name, field in SearchRequest.model_fields.items()
    if get_origin(field.annotation) is list
}

COMPARISON = re.compile(r"(?P<field>.+?)(?P<operator>>=|<=|!=|>|<|=)(?P<value>.*)", re.DOTALL)
OPERATORS = {"=": "$eq", "!=": "$ne", ">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}


def options_from_parameters(parameters: Iterable[tuple[str, str]]) -> tuple[SearchRequest, Pairs]:
    """Return the options among the parameters of a URL, and the other parameters.

    The last of several values counts. Commas separate the items of a list.

    Raises:
        InvalidRequest: an option is missing or has a value of the wrong type.
    """
    values: dict[str, Any] = {}
    others: Pairs = []
    for name, text in parameters:
        if name in OPTIONS:
            values[name] = items(text) if name in LISTS else text
        else:
            others.append((name, text))
    try:
        return SearchRequest.model_validate(values), others
    except ValidationError as cause:
        fault = first_fault(cause.errors())
        raise InvalidRequest(re.sub("^query:", "q:", fault)) from cause


def items(text: str) -> list[str]:
    """Return the items of a list that is written with commas."""
    return [item.strip() for item in text.split(",")] if text else []


def filter_from_parameters(
    parameters: Iterable[tuple[str, str]], schema: Schema
) -> dict[str, Any] | None:
    """Return the filter in a URL: genre=mystery, year>=1990, price<20, genre!=gothic.

    A field that is given twice matches either value. A parameter `filter` holds a filter in JSON.
    Names that are no fields, and values of the wrong type, are left for the filter's compiler.

    Raises:
        InvalidRequest: a parameter `filter` is not a JSON object.
    """
    conditions: list[dict[str, Any]] = []
    equal: dict[str, list[Any]] = {}
    for name, value in parameters:
        if name == "filter":
            if condition := _json_filter(value):
                conditions.append(condition)
            continue
        # A URL splits at its first =: year>=1990 arrives as "year>" and "1990", and year>1990 as
        # a name alone.
        match = COMPARISON.fullmatch(f"{name}={value}" if value or name[-1:] in "><!" else name)
        field, operator, text = (
            match.group("field", "operator", "value") if match else (name, "=", value)
        )
        typed = _typed(field, text, schema)
        if operator == "=":
            equal.setdefault(field, []).append(typed)
        else:
            conditions.append({field: {OPERATORS[operator]: typed}})
    conditions += [{field: {"$in": values}} for field, values in equal.items()]
    return {"$and": conditions} if conditions else None


def _json_filter(text: str) -> dict[str, Any]:
    try:
        condition = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise InvalidRequest(f"filter is not JSON: {cause}") from cause
    if not isinstance(condition, Mapping):
        raise InvalidRequest(
            f'filter is {condition!r}; it must be an object such as {{"year": {{"$gte": 1990}}}}'
        )
    return dict(condition)


def _typed(name: str, text: str, schema: Schema) -> Any:
    """Return a text from a URL as the type of its field, or as it is where it doesn't fit."""
    kind = schema[name].kind if name in schema else "string"
    try:
        if kind == "integer":
            return int(text)
        if kind == "float":
            return float(text)
    except ValueError:
        return text
    return {"true": True, "false": False}.get(text.lower(), text) if kind == "boolean" else text
