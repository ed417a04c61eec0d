"""The metadata fields of an index in words and as a JSON Schema, for the filter of a search."""

from handler.corpus.schema import Field, Schema
from handler.index.engine import Engine
from handler.mcp.messages import Json

MAX_FIELDS = 50
SHOWN_VALUES = 8
MAX_VALUE_CHARS = 40

TYPES = {"integer": "integer", "float": "number", "boolean": "boolean"}
WORDS = {
    "integer": "a whole number",
    "float": "a number",
    "boolean": "true or false",
    "date": "a date such as 2024-05-31",
    "string": "a text",
}
OPERATORS = (
    "A value alone must be equal. Operators are $eq, $ne, $in, $nin, $exists, and for numbers and "
    "dates $gt, $gte, $lt, $lte. $and, $or and $not join filters. Example: "
)


def filter_schema(index: Engine) -> Json:
    """Return the JSON Schema of a filter: each field with its type and frequent values."""
    fields = filterable(index.manifest.schema)
    if not fields:
        return {"type": "object", "description": "This index has no fields to filter by."}
    return {
        "type": "object",
        "description": "Condition on metadata. " + OPERATORS + _example(fields),
        "properties": {name: _property(index, name, field) for name, field in fields.items()},
    }


def filterable(schema: Schema) -> dict[str, Field]:
    """Return the fields that can be filtered by, those of most documents first."""
    fields = {name: field for name, field in schema.items() if field.kind != "text"}
    often = sorted(fields, key=lambda name: -fields[name].documents)
    return {name: fields[name] for name in often[:MAX_FIELDS]}


def _property(index: Engine, name: str, field: Field) -> Json:
    plain = {"type": TYPES.get(field.kind, "string")}
    return {"description": _describe(index, name, field), "anyOf": [plain, {"type": "object"}]}


def _describe(index: Engine, name: str, field: Field) -> str:
    several = " or several, of which one must match" if field.list else ""
    text = f"{WORDS[field.kind]}{several}; {field.documents} documents have it"
    if field.kind != "string":
        return text
    counts = index.facet(index.conditions.everything(), name, SHOWN_VALUES)
    values = [str(each.value) for each in counts if len(str(each.value)) <= MAX_VALUE_CHARS]
    return f"{text}; frequent values: {', '.join(values)}" if values else text


def _example(fields: dict[str, Field]) -> str:
    examples = {"integer": "1990", "float": "4.5", "date": '"2020-01-01"'}
    for name, field in fields.items():
        if field.kind in examples:
            return f'{{"{name}": {{"$gte": {examples[field.kind]}}}}}'
    return f'{{"{next(iter(fields))}": {{"$exists": true}}}}'
