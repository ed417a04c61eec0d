"""The stored documents of a version: compressed in small groups, so that any few can be read."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic_core import from_json

from handler.corpus.document import Document, to_json
from handler.index.arrays import Rows
from handler.index.block_file import BlockFile, Spans, read_spans

# Bytes of JSON after which a group ends. More of them compress better and take longer to read.
GROUP_BYTES = 8_000


class DocumentWriter:
    """Writes documents into a file, one after the other."""

    def __init__(self, path: Path) -> None:
        """Start the file at `path`."""
        self._file = path.open("wb")
        self._group: list[bytes] = []
        self._bytes = 0

    def add(self, document: Document) -> int:
        """Append a document, and return the place of its group in the file."""
        text = to_json(document).encode()
        if self._group and self._bytes + len(text) > GROUP_BYTES:
            self._flush()
        self._group.append(text)
        self._bytes += len(text)
        return self._file.tell()

    def close(self) -> None:
        """Finish the file."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        if self._group:
            self._file.write(zlib.compress(b"\n".join(self._group)))
        self._group, self._bytes = [], 0


class DocumentStore:
    """The documents of all segments, in one row of numbers."""

    def __init__(self, files: Sequence[BlockFile], places: Rows) -> None:
        """Compose from the files of the segments.

        Args:
            files: one for each segment.
            places: where the group of each document begins, ascending; places go on from file
                to file.
        """
        self._files = files
        self._places = places
        self._starts = np.cumsum([0, *(file.size for file in files)])

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return int(self._starts[-1])

    def read(self, rows: Rows) -> list[Document]:
        """Return the documents at `rows`, in that order.

        Raises:
            StoreError: they have to be fetched, and can't be.
        """
        texts = self._texts(np.array(sorted({*self._places[rows].tolist()}), np.int64))
        documents = []
        for row in rows.tolist():
            place = int(self._places[row])
            first = int(np.searchsorted(self._places, place))
            documents.append(Document.from_stored(from_json(texts[place][row - first])))
        return documents

    def _texts(self, places: Rows) -> dict[int, list[bytes]]:
        """Return the JSON of all documents of some groups, by the places of the groups."""
        following = np.searchsorted(self._places, places, "right")
        ends = np.append(self._places, self._starts[-1])[following]
        owners = np.searchsorted(self._starts, places, "right") - 1
        wanted = []
        for number in np.flatnonzero(np.bincount(owners)).tolist():
            mine, start = owners == number, self._starts[number]
            wanted.append(Spans(self._files[number], places[mine] - start, ends[mine] - start))
        found: list[list[bytes]] = []
        for (_, starts, stops), data in zip(wanted, read_spans(wanted), strict=True):
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
                found.append(zlib.decompress(data[start:stop]).split(b"\n"))
        return dict(zip(places.tolist(), found, strict=True))
