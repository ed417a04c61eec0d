"""Flags of a command line that say how a corpus is read."""

import os
from collections.abc import Sequence
from dataclasses import replace

from handler.corpus.options import FieldNames, ReadOptions
from handler.reindex.job import field_types, read_options
from handler.settings import Settings


def field_roles(id_field: str, title: str, text: str, url: str) -> FieldNames:
    """Return the fields that four flags name."""
    return FieldNames(id=id_field, title=title, text=text, url=url)


def reading_of(
    fields: FieldNames,
    types: Sequence[str] | None,
    ignore: Sequence[str] | None,
    table: str,
    encoding: str,
    vectors: str,
    base_url: str,
) -> ReadOptions:
    """Return how a corpus is read: as the flags say, and otherwise as the settings do.

    Raises:
        SettingError: a flag or a setting can't be used.
    """
    reading = read_options(Settings.from_mapping(os.environ))
    return replace(
        reading,
        fields=fields,
        types={**reading.types, **field_types(types or (), "--type")},
        ignore=[*reading.ignore, *(ignore or ())],
        table=table,
        encoding=encoding,
        vectors=vectors,
        base_url=base_url,
    )
