"""Documents by their ids, and filters as queries of an index."""

from collections.abc import Mapping
from typing import Any

from tantivy import Occur, Query

from handler.errors import DocumentNotFound
from handler.index.index_version import IndexVersion
from handler.search.filters import FilterCompiler


def find(index: IndexVersion, document_id: str) -> int:
    """Return the row of a document.

    Raises:
        DocumentNotFound: no document has this id.
    """
    row = index.text.row_of(document_id)
    if row is None:
        raise DocumentNotFound(
            f"index {index.manifest.name!r} has no document with id {document_id!r}"
        )
    return row


def compile_filter(index: IndexVersion, condition: Mapping[str, Any] | None) -> Query | None:
    """Return the query for a filter on the index's metadata, or None if there is no filter.

    Raises:
        InvalidRequest: the filter is malformed, or the index's fields don't allow it.
    """
    if condition is None or condition == {}:
        return None
    return FilterCompiler(index.manifest.schema, index.text.fields).compile(condition)


def joined(first: Query | None, second: Query | None) -> Query | None:
    """Return the query for what matches both, or the one that there is."""
    if first is None or second is None:
        return second if first is None else first
    return Query.boolean_query([(Occur.Must, first), (Occur.Must, second)])
