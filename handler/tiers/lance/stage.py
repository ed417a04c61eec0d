"""Bring a version into the datasets: fragments written in parallel, one commit for each dataset."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from handler.index.arrays import Rows
from handler.index.index_version import IndexVersion
from handler.index.text_writer import field_name
from handler.tiers.lance.columns import chunks, document_table, passage_table
from handler.tiers.lance.datasets import Dataset, Datasets, lance
from handler.tiers.tier import Served

WRITERS = 2
"""Fragments that are written at a time: each is in memory."""
FLAT = 20_000
"""Of fewer passages all vectors are compared; an index would not be faster."""
PASSAGES_OF_PARTITION = 400
DELETED_AT_ONCE = 5_000
KINDS: dict[str, Callable[[IndexVersion, Rows], Any]] = {
    "documents": document_table,
    "passages": passage_table,
}
OWNER = {"documents": "row", "passages": "document"}


def stage(datasets: Datasets, index: IndexVersion, before: IndexVersion | None) -> Served:
    """Bring in what is new, take out what is gone, and return the versions to pin.

    Readers follow the pins, so they see nothing of this. What an interrupted run left is undone by
    starting from the pinned version.
    """
    served = {"by": "lance"}
    for name in KINDS:
        pinned = before and before.manifest.served.get("by") == "lance"
        if before and pinned:
            base = datasets.open(name, int(before.manifest.served[name]))
            dataset = _changed(datasets, name, base, index, before)
        else:
            dataset = _written(datasets, name, index)
        dataset.tags.create(index.manifest.version, dataset.version)
        served[name] = str(dataset.version)
    return served


def _written(datasets: Datasets, name: str, index: IndexVersion) -> Dataset:
    """Write all rows, whatever the dataset had before."""
    fragments, schema = _fragments(datasets, name, index, index.rows, new=True)
    newest = datasets.newest(name)
    dataset = datasets.commit(
        name, lance.LanceOperation.Overwrite(schema, fragments), newest and newest.version
    )
    _make_indexes(dataset, name, index)
    return dataset


def _changed(
    datasets: Datasets, name: str, base: Dataset, index: IndexVersion, before: IndexVersion
) -> Dataset:
    """Remove and add what differs between two versions; a row's content never changes."""
    base.restore()  # what was committed since, and never published, is out of the newest version
    dataset = datasets.open(name)
    gone = np.setdiff1d(before.rows, index.rows)
    for start in range(0, len(gone), DELETED_AT_ONCE):
        some = ", ".join(map(str, gone[start : start + DELETED_AT_ONCE].tolist()))
        dataset.delete(f"{OWNER[name]} IN ({some})")
    new = np.setdiff1d(index.rows, before.rows)
    if len(new):
        fragments, _ = _fragments(datasets, name, index, new, new=False)
        dataset = datasets.commit(name, lance.LanceOperation.Append(fragments), dataset.version)
    dataset.optimize.optimize_indices()
    return dataset


def _fragments(
    datasets: Datasets, name: str, index: IndexVersion, rows: Rows, *, new: bool
) -> tuple[list[Any], Any]:
    """Write fragments, and return them and their schema."""

    def write(some: Rows) -> tuple[list[Any], Any]:
        table = KINDS[name](index, some)
        return datasets.write(name, table, new=new), table.schema

    with ThreadPoolExecutor(WRITERS) as pool:
        written = list(pool.map(write, chunks(rows)))
    return [fragment for some, _ in written for fragment in some], written[0][1]


def _make_indexes(dataset: Dataset, name: str, index: IndexVersion) -> None:
    """Index rows, filters, and words or vectors."""
    for column in ("row", "id") if name == "documents" else ("row", "document"):
        dataset.create_scalar_index(column, "BTREE")
    for field, entry in index.manifest.schema.items():
        if entry.kind != "text":
            column = field_name(index.manifest.schema, field)
            dataset.create_scalar_index(column, "LABEL_LIST" if entry.list else "BTREE")
    if name == "documents":
        for column in ("stems", "title"):
            dataset.create_scalar_index(
                column,
                "INVERTED",
                base_tokenizer="whitespace",
                with_position=column == "stems",
                lower_case=False,
                stem=False,
                remove_stop_words=False,
                ascii_folding=False,
                max_token_length=None,
            )
    elif len(index.vectors) >= FLAT:
        dataset.create_index(
            "vector",
            "IVF_RQ",
            metric="cosine",
            num_bits=1,
            num_partitions=max(1, len(index.vectors) // PASSAGES_OF_PARTITION),
        )
