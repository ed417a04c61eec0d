"""What a model bundle consists of: its file names and its manifest."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from handler.errors import ModelError
from handler.files import MANIFEST, FileEntry, check_file, read_manifest
from handler.stored_json import Name, bound

MODEL_FORMAT = 1
MAX_DIMENSION = 65_536


class ModelFiles:
    """File names of a model bundle."""

    ENCODER = "encoder.onnx"
    TOKENIZER = "tokenizer.json"
    MANIFEST = MANIFEST
    RERANKER = "reranker"  # a folder with the same three files, if the bundle has a reranker


@dataclass(frozen=True, kw_only=True)
class ModelManifest:
    """Contents of a model bundle's manifest.json.

    `source` says where the weights came from (`kind`, and what identifies them: `revision`, `weights_sha256`);
    `prompts` holds the prefixes that the encoder puts before a `query` and a `document`;
    `parity` compares the precision chosen with fp32 (`texts`, `min_cosine`,
    `mean_cosine`, and `agreement`, the share of nearest texts in common).
    """

    model: Name
    source: dict[str, str]
    architecture: str
    dimension: Annotated[int, bound(ge=1, le=MAX_DIMENSION)]
    max_tokens: Annotated[int, bound(ge=3, le=1 << 20)]
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
        what = [
            self.dimension,
            self.max_tokens,
            self.prompts,
            {n: e.sha256 for n, e in self.files.items()},
        ]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """Render as the text of manifest.json."""
        return (
            json.dumps({"format": MODEL_FORMAT, **asdict(self)}, indent=2, ensure_ascii=False)
            + "\n"
        )

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a bundle's manifest and check that every file is the one described.

        Raises:
            ModelError: no manifest, a newer format, or a file that is missing, truncated or altered.
        """
        path = folder / ModelFiles.MANIFEST
        remedy = f"make one with: querytower export --to {folder}"
        try:
            data = path.read_bytes()
        except OSError as cause:
            raise ModelError(f"no model bundle in {folder}: {cause.strerror}; {remedy}") from cause
        manifest = read_manifest(cls, data, str(path), MODEL_FORMAT, ModelError, remedy)
        for needed in (ModelFiles.ENCODER, ModelFiles.TOKENIZER):
            if needed not in manifest.files:
                raise ModelError(
                    f"{path} lacks or garbles a field: files: {needed} is missing; {remedy}"
                )
        for name, entry in manifest.files.items():
            check_file(folder, name, entry, ModelError)
        return manifest
