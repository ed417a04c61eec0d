"""The fields of an answer's hits and documents, and the choice of those that come back."""

from collections.abc import Mapping, Sequence
from typing import Any

from handler.corpus.schema import Schema
from handler.errors import InvalidRequest

DOCUMENT_FIELDS = ("id", "title", "text", "url", "metadata")
HIT_FIELDS = (
    *DOCUMENT_FIELDS,
    "score",
    "passage",
    "section",
    "highlight",
    "explanation",
    "others",
    "distance",
)
# A field of the metadata alone is called metadata.year.
METADATA = "metadata."


def check_fields(names: Sequence[str], known: Sequence[str], schema: Schema) -> None:
    """Check that each of `names` is among `known`, or is a metadata field of `schema`.

    Raises:
        InvalidRequest: one is neither.
    """
    for name in names:
        if name in known:
            continue
        field = name.removeprefix(METADATA)
        if field not in schema:
            raise InvalidRequest(
                f"fields has {name!r}; choose from {', '.join(known)}, or name one field of "
                f"the metadata, such as {METADATA}{next(iter(schema), 'year')}"
            )
        if field == name:
            raise InvalidRequest(f"fields has {name!r}; call it {METADATA}{name}")


def chosen(body: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a hit or document that `names` has; all if it has none."""
    if not names:
        return dict(body)
    kept = {name: value for name, value in body.items() if name in names}
    parts = {name.removeprefix(METADATA) for name in names if name.startswith(METADATA)}
    if parts and "metadata" not in kept:
        metadata = body["metadata"]
        kept["metadata"] = {name: value for name, value in metadata.items() if name in parts}
    return kept
