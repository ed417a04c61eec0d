"""What a model bundle and an index version consist of: file names, manifests, checks."""

import hashlib
import json
import mmap
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Self

from handler.corpus.schema import Field, Schema
from handler.errors import IndexUnavailable, ModelError, QuerytowerError

MODEL_FORMAT = 1
INDEX_FORMAT = 2  # 2: a graph may have vectors that are gone, see keys.bin


class ModelFiles:
    """File names of a model bundle."""

    ENCODER = "encoder.onnx"
    TOKENIZER = "tokenizer.json"
    MANIFEST = "manifest.json"


class IndexFiles:
    """File names of an index version, and the paths that lead to one inside a store."""

    VECTORS = "vectors.bin"
    SCALES = "scales.bin"
    GRAPH = "graph.usearch"
    KEYS = "keys.bin"
    DOCUMENTS = "documents.bin"
    PASSAGES = "passages.bin"
    TEXT = "text"
    SUGGESTIONS = "suggestions"
    MANIFEST = "manifest.json"
    # Beside the others, but of no use to a search: the manifest's list leaves them out, and nobody downloads them.
    OBJECTS = "objects.json"
    REJECTS = "rejects.jsonl"
    DRIFT = "drift.json"
    REPORT = "drift.html"
    ETAGS = "etags.json"

    @staticmethod
    def current(name: str) -> str:
        """Path of the pointer to the published version of index `name`."""
        return f"indexes/{name}/current.json"

    @staticmethod
    def version(name: str, version: str) -> str:
        """Path of the folder of one version of index `name`."""
        return f"indexes/{name}/versions/{version}"

    @staticmethod
    def versions(name: str) -> str:
        """Path of the folder of all versions of index `name`."""
        return f"indexes/{name}/versions"

    @staticmethod
    def lease(name: str) -> str:
        """Path of the lease that a run holds while it makes a version of index `name`."""
        return f"indexes/{name}/lease.json"

    @staticmethod
    def verdict(name: str) -> str:
        """Path of the note about the last corpus that led to no new version of index `name`."""
        return f"indexes/{name}/verdict.json"

    @staticmethod
    def rolled_back(name: str) -> str:
        """Path of the note about corpora whose versions of index `name` people went back from."""
        return f"indexes/{name}/rolled-back.json"

    @staticmethod
    def work(name: str) -> str:
        """Path of the folder of vectors that runs cut short leave for the next one."""
        return f"indexes/{name}/work"

    @staticmethod
    def golden(name: str) -> str:
        """Path of the folder of queries, with or without judgments, that watch over index `name`."""
        return f"indexes/{name}/golden"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """Size and checksum of one file of a bundle or an index version."""

    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Measure the file at `path`."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            # Hashed by one call: after each one, a thread waits for others that are busy with Python.
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
            return cls(size, hashlib.sha256(data).hexdigest())


def measure_files(folder: Path) -> dict[str, FileEntry]:
    """Measure every file below `folder` but the manifest itself; keys are relative POSIX paths."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ModelFiles.MANIFEST)
    return {path.relative_to(folder).as_posix(): FileEntry.of(path) for path in paths}


def check_file(folder: Path, name: str, entry: FileEntry, error: type[QuerytowerError]) -> None:
    """Raise `error` unless the file `name` below `folder` has the size and sha256 of `entry`."""
    path = folder / name
    if not path.is_file():
        raise error(f"{path} is missing; export or index again")
    found = FileEntry.of(path)
    if found != entry:
        raise error(
            f"{path} is not the file its manifest describes: {found.bytes} bytes, sha256 {found.sha256[:12]}…, "
            f"expected {entry.bytes} bytes, sha256 {entry.sha256[:12]}…; it is incomplete or was altered"
        )


def _file_entries(raw: Mapping[str, Any], error: type[QuerytowerError]) -> dict[str, FileEntry]:
    for name in raw:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
            raise error(f"manifest names a file outside its folder: {name!r}; do not use this bundle")
    return {name: FileEntry(**entry) for name, entry in raw.items()}


def _parse(text: str | bytes, origin: str, newest: int, error: type[QuerytowerError]) -> dict[str, Any]:
    try:
        raw = json.loads(text)
        version = raw["format"]
    except (ValueError, KeyError, TypeError) as cause:
        raise error(f"{origin} is not a manifest: {cause}") from cause
    if not isinstance(version, int) or not 1 <= version <= newest:
        raise error(f"{origin} has format {version!r}, this querytower reads 1 to {newest}; update querytower")
    return dict(raw)


def _known_fields(kind: type[Any], raw: Mapping[str, Any], origin: str, error: type[QuerytowerError]) -> dict[str, Any]:
    try:
        known = {f.name: raw[f.name] for f in fields(kind)}
        if "schema" in known:
            known["schema"] = {name: Field(**entry) for name, entry in known["schema"].items()}
        return known | {"files": _file_entries(known["files"], error)}
    except (KeyError, TypeError, AttributeError) as cause:
        raise error(f"{origin} lacks or garbles a field: {cause}; make it anew") from cause


@dataclass(frozen=True)
class ModelManifest:
    """Contents of a model bundle's manifest.json.

    `source` says where the weights came from (`kind`, and what identifies them: `revision`, `weights_sha256`);
    `prompts` holds the prefixes that the encoder puts before a `query` and a `document`;
    `parity` compares the precision chosen with fp32 (`texts`, `min_cosine`, `mean_cosine`).
    """

    model: str
    source: dict[str, str]
    architecture: str
    dimension: int
    max_tokens: int
    pooling: str
    normalize: bool
    prompts: dict[str, str]
    precision: str
    target: str
    converter: str
    parity: dict[str, float]
    files: dict[str, FileEntry] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change whenever the vectors that the bundle makes may change."""
        what = [self.dimension, self.max_tokens, self.prompts, {n: e.sha256 for n, e in self.files.items()}]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """Render as the text of manifest.json."""
        return json.dumps({"format": MODEL_FORMAT, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a bundle's manifest and check that every file is the one described.

        Raises:
            ModelError: no manifest, a newer format, or a file that is missing, truncated or altered.
        """
        path = folder / ModelFiles.MANIFEST
        try:
            raw = _parse(path.read_bytes(), str(path), MODEL_FORMAT, ModelError)
        except OSError as cause:
            raise ModelError(
                f"no model bundle in {folder}: {cause.strerror}; make one with: querytower export --to {folder}"
            ) from cause
        manifest = cls(**_known_fields(cls, raw, str(path), ModelError))
        for name, entry in manifest.files.items():
            check_file(folder, name, entry, ModelError)
        return manifest


@dataclass(frozen=True)
class IndexManifest:
    """Contents of an index version's manifest.json.

    `model` and `fingerprint` name the bundle that made the vectors; `split` has the size and overlap of
    passages in tokens; `quality` has what was measured on the finished version, and `failures` why it was not
    good enough to be published. `corpus` says what it was made from: the corpus's `url`, the sha256 of `objects`,
    the file that lists its objects, and a digest of all `inputs`.
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
    files: dict[str, FileEntry] = field(default_factory=dict)

    def to_json(self) -> str:
        """Render as the text of manifest.json."""
        return json.dumps({"format": INDEX_FORMAT, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def parse(cls, data: bytes, origin: str) -> Self:
        """Read the text of a manifest that was found at `origin`.

        Raises:
            IndexUnavailable: it is no manifest, has a newer format, or names files outside its folder.
        """
        raw = _parse(data, origin, INDEX_FORMAT, IndexUnavailable)
        return cls(**_known_fields(cls, raw, origin, IndexUnavailable))
