"""LlamaIndex's filters as those of a search."""

from typing import Any

from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from handler.errors import InvalidRequest

OPERATORS = {
    FilterOperator.EQ: "$eq",
    FilterOperator.NE: "$ne",
    FilterOperator.GT: "$gt",
    FilterOperator.GTE: "$gte",
    FilterOperator.LT: "$lt",
    FilterOperator.LTE: "$lte",
    FilterOperator.IN: "$in",
    FilterOperator.NIN: "$nin",
    FilterOperator.ANY: "$in",
    FilterOperator.CONTAINS: "$eq",
}


def as_filter(filters: MetadataFilters) -> dict[str, Any]:
    """Return LlamaIndex's filters as a filter of a search.

    Raises:
        InvalidRequest: an operator has no equivalent.
    """
    parts = [
        as_filter(each) if isinstance(each, MetadataFilters) else _condition(each)
        for each in filters.filters
    ]
    if filters.condition == FilterCondition.OR:
        return {"$or": parts}
    if filters.condition == FilterCondition.NOT:
        return {"$not": {"$or": parts}}
    return {"$and": parts}


def _condition(given: MetadataFilter) -> dict[str, Any]:
    if given.operator == FilterOperator.IS_EMPTY:
        return {given.key: {"$exists": False}}
    if given.operator == FilterOperator.ALL and isinstance(given.value, list):
        return {"$and": [{given.key: each} for each in given.value]}
    if given.operator not in OPERATORS:
        known = ", ".join(each.value for each in OPERATORS)
        raise InvalidRequest(f"the operator {given.operator.value!r} is unknown; use {known}")
    return {given.key: {OPERATORS[given.operator]: given.value}}
