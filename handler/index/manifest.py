"""What an index version consists of: its file names and its manifest."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Annotated, Literal, Self

from handler.bundle import MAX_DIMENSION
from handler.corpus.passages import Split
from handler.corpus.schema import Schema
from handler.errors import IndexUnavailable
from handler.files import MANIFEST, FileEntry, read_manifest
from handler.stored_json import Count, Name, bound

# 3: words of metadata fields in text/. 4: compact codes instead of a graph.
# 5: files are stored under their sha256. 6: names and other forms of words in text/
# 7: vectors and tables in segments. 8: completions as bytes. 9: stored documents in segments,
# words of Korean. 10: checksums of blocks
INDEX_FORMAT = 10

Rows = Annotated[int, bound(ge=0, le=2**32)]
Segments = Annotated[list[tuple[Rows, Rows]], bound(max_length=10_000)]

NOISE = "noise"
"""Name, in a manifest's quality, of the cosine up to which a hit may be chance; see checks.py."""


class IndexFiles:
    """File names of an index version."""

    SEGMENTS = "segments"
    # The files of each segment:
    VECTORS = "vectors.bin"
    SCALES = "scales.bin"
    COMPACT = "compact.bin"
    DOCUMENTS = "documents.bin"
    PASSAGES = "passages.bin"
    STORED = "stored.bin"
    HASHES = "hashes.bin"
    # Checksums of the blocks of two of them:
    VECTOR_SUMS = "vectors.sums"
    STORED_SUMS = "stored.sums"
    # Beside the segments:
    ORDER = "order.bin"
    TEXT = "text"
    SUGGESTIONS = "suggestions"
    MANIFEST = MANIFEST
    # A search needs none of these: the manifest does not list them, and nobody downloads them.
    OBJECTS = "objects.json"
    REJECTS = "rejects.jsonl"
    DRIFT = "drift.json"
    REPORT = "drift.html"
    ETAGS = "etags.json"

    @classmethod
    def segment(cls, number: int) -> str:
        """Return the folder of a segment."""
        return f"{cls.SEGMENTS}/{number}"


# Files that every segment has.
IN_SEGMENTS = (
    IndexFiles.VECTORS,
    IndexFiles.SCALES,
    IndexFiles.COMPACT,
    IndexFiles.DOCUMENTS,
    IndexFiles.PASSAGES,
    IndexFiles.STORED,
    IndexFiles.HASHES,
)


# Files that are needed to show hits, and may be read in parts.
IN_BLOCKS = (IndexFiles.VECTORS, IndexFiles.STORED)
SUMS = (IndexFiles.VECTOR_SUMS, IndexFiles.STORED_SUMS)


@dataclass(frozen=True, kw_only=True)
class IndexManifest:
    """Contents of an index version's manifest.json.

    `model` and `fingerprint` name the bundle that made the vectors; `split` has the size and
    overlap of passages in tokens; `quality` has what was measured on the finished version, and
    `failures` why it was not good enough to publish. `segments` has the documents and
    passages of each segment, those that are gone included. `corpus` describes the source: its
    `url`, the sha256 of the file `objects` that lists its objects, and a digest of all `inputs`.
    `served` says what serves the version if the function does not; see handler/tiers/tier.py.
    """

    name: Name
    version: Name
    created: Name
    documents: Rows
    passages: Rows
    rejected: Count
    model: Name
    fingerprint: Name
    dimension: Annotated[int, bound(ge=1, le=MAX_DIMENSION)]
    precision: Literal["i8", "f16"]
    language: Name
    split: dict[str, int]
    schema: Schema
    quality: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    corpus: dict[str, str] = field(default_factory=dict)
    served: dict[str, str] = field(default_factory=dict)
    segments: Segments = field(default_factory=list)
    files: dict[str, FileEntry] = field(default_factory=dict)
    format: int = INDEX_FORMAT

    def to_json(self) -> str:
        """Render as the text of manifest.json."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def parse(cls, data: bytes, origin: str) -> Self:
        """Read the text of a manifest that was found at `origin`.

        Raises:
            IndexUnavailable: no manifest, a newer format, or names of files outside its folder.
        """
        remedy = "roll back, or index again"
        manifest = read_manifest(cls, data, origin, INDEX_FORMAT, IndexUnavailable, remedy)
        if problem := manifest.problem():
            raise IndexUnavailable(f"{origin} lacks or garbles a field: {problem}; {remedy}")
        return manifest

    def problem(self) -> str:
        """Return what no single field shows, or an empty text."""
        try:
            Split(**self.split)
        except (TypeError, ValueError):
            return "split: not a size and overlap of passages"
        if self.format == INDEX_FORMAT:
            for number, name in product(range(len(self.segments)), (*IN_SEGMENTS, *SUMS)):
                if (path := f"{IndexFiles.segment(number)}/{name}") not in self.files:
                    return f"files: {path} is missing"
        return ""

    def check_format(self, origin: str) -> None:
        """Check that the version's files can be read; `origin` is where it was found.

        Raises:
            IndexUnavailable: an earlier querytower wrote them.
        """
        if self.format != INDEX_FORMAT:
            raise IndexUnavailable(
                f"{origin} has format {self.format}, this querytower reads {INDEX_FORMAT}; "
                "run querytower reindex, which rebuilds the index"
            )

    def named(self, names: Collection[str]) -> list[str]:
        """Return the files of all segments that have one of these names."""
        return [name for name in self.files if name.rpartition("/")[2] in names]
