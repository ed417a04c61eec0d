"""What an index version consists of: its file names and its manifest."""

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Literal, Self

from handler.corpus.schema import Field, Schema
from handler.errors import IndexUnavailable
from handler.files import MANIFEST, FileEntry, manifest_fields, parse_manifest

# 3: words of metadata fields in text/. 4: compact codes instead of a graph.
# 5: files are stored under their sha256. 6: names and other forms of words in text/
# 7: vectors and tables in segments
INDEX_FORMAT = 7

SHA256 = re.compile("[0-9a-f]{64}")

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


@dataclass(frozen=True, kw_only=True)
class IndexManifest:
    """Contents of an index version's manifest.json.

    `model` and `fingerprint` name the bundle that made the vectors; `split` has the size and
    overlap of passages in tokens; `quality` has what was measured on the finished version, and
    `failures` why it was not good enough to publish. `segments` has the documents and
    passages of each segment, those that are gone included. `corpus` describes the source: its
    `url`, the sha256 of the file `objects` that lists its objects, and a digest of all `inputs`.
    """

    name: str
    version: str
    created: str
    documents: int
    passages: int
    rejected: int
    model: str
    fingerprint: str
    dimension: int
    precision: Literal["i8", "f16"]
    language: str
    split: dict[str, int]
    schema: Schema
    quality: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    corpus: dict[str, str] = field(default_factory=dict)
    segments: list[tuple[int, int]] = field(default_factory=list)
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
        raw = parse_manifest(data, origin, INDEX_FORMAT, IndexUnavailable)
        known = manifest_fields(cls, {"segments": [], **raw}, origin, IndexUnavailable)
        try:
            known["segments"] = [(int(rows), int(passages)) for rows, passages in known["segments"]]
            if not all(SHA256.fullmatch(entry.sha256) for entry in known["files"].values()):
                raise TypeError("a sha256 has other characters than 64 hexadecimal digits")
            known["schema"] = {name: Field(**entry) for name, entry in known["schema"].items()}
        except (TypeError, ValueError, AttributeError) as cause:
            raise IndexUnavailable(
                f"{origin} lacks or garbles a field: {cause}; index again"
            ) from cause
        return cls(**known)

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
