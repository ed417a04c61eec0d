"""Documents by their ids, and filters as conditions of an engine."""

from collections.abc import Mapping
from typing import Any

from handler.errors import DocumentNotFound
from handler.index.engine import Condition, Engine
from handler.search.filters import FilterCompiler


def find(index: Engine, document_id: str) -> int:
    """Return the row of a document.

    Raises:
        DocumentNotFound: no document has this id.
    """
    row = index.row_of(document_id)
    if row is None:
        raise DocumentNotFound(
            f"index {index.manifest.name!r} has no document with id {document_id!r}"
        )
    return row


def compile_filter(index: Engine, condition: Mapping[str, Any] | None) -> Condition | None:
    """Return the condition for a filter on the index's metadata, or None if there is no filter.

    Raises:
        InvalidRequest: the filter is malformed, or the index's fields don't allow it.
    """
    if condition is None or condition == {}:
        return None
    return FilterCompiler(index.manifest.schema, index.conditions, index).compile(condition)


def joined(index: Engine, first: Condition | None, second: Condition | None) -> Condition | None:
    """Return the condition for what matches both, or the one that there is."""
    if first is None or second is None:
        return second if first is None else first
    return index.conditions.all_of([first, second])
