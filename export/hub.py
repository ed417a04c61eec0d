"""Download a model from the Hugging Face hub: only the files that an export needs."""

import os
import re
import shutil
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from export.progress import watching
from handler.errors import ModelError
from handler.progress import Progress

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

TIMEOUT = 4.0
# Configuration, vocabulary and weights, at the top and in folders of sentence-transformers modules.
_WANTED = re.compile(
    r"(\d+_\w+/)?([\w.-]+\.(json|txt)|model(-\d+-of-\d+)?\.safetensors"
    r"|pytorch_model(-\d+-of-\d+)?\.bin|(sentencepiece\.bpe|spiece|spm)\.model)"
)


def download_model(model: str, folder: Path, progress: Progress) -> dict[str, str]:
    """Download `model` into `folder`; return its kind and revision for the manifest.

    Raises:
        ModelError: the hub can't be reached, has no such model, or has no weights of it; or a
            file arrived with another sha256 than the hub states.
    """
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    api = huggingface_hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        info = api.model_info(model, timeout=TIMEOUT, files_metadata=True)
        files = _choose(model, info.siblings or [])
        total = sum(file.size or 0 for file in files)
        with watching(folder, total, progress):
            api.snapshot_download(
                model,
                revision=info.sha,
                local_dir=folder,
                allow_patterns=[file.rfilename for file in files],
                etag_timeout=TIMEOUT,
            )
    except GatedRepoError as cause:
        raise ModelError(
            f"{model} is gated: accept its terms on the hub, then set HF_TOKEN"
        ) from cause
    except RepositoryNotFoundError as cause:
        raise ModelError(
            f"the hub has no model {model!r}; check the name (owner/name), or set HF_TOKEN "
            "if it is private"
        ) from cause
    except ModelError:
        raise
    except Exception as cause:  # requests, httpx and the hub's own errors share no base
        reason = str(cause).partition("\n")[0][:200]
        raise ModelError(
            f"cannot fetch {model} from the hub: {reason or type(cause).__name__}; "
            "check the connection, or pass a folder that holds the model"
        ) from cause
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the hub client's own notes
    for file in files:
        _check(folder / file.rfilename, file)
    return {"kind": "hub", "revision": str(info.sha)}


def _choose(model: str, files: list["RepoSibling"]) -> list["RepoSibling"]:
    wanted = [file for file in files if _WANTED.fullmatch(file.rfilename)]
    paths = [PurePosixPath(file.rfilename) for file in wanted]
    if not any(path.suffix in (".safetensors", ".bin") for path in paths):
        raise ModelError(
            f"{model} has neither safetensors nor a pytorch_model.bin on the hub; load the model "
            "with transformers, write it with model.save_pretrained(FOLDER), and export FOLDER"
        )
    # A folder that has both has the same weights twice.
    safe = {path.parent for path in paths if path.suffix == ".safetensors"}
    return [
        file
        for file, path in zip(wanted, paths, strict=True)
        if path.suffix != ".bin" or path.parent not in safe
    ]


def _check(path: Path, expected: "RepoSibling") -> None:
    if expected.lfs is None:
        return
    with path.open("rb") as file:
        found = file_digest(file, "sha256").hexdigest()
    if found != expected.lfs.sha256:
        raise ModelError(
            f"{path.name} arrived with sha256 {found[:12]}…, the hub states "
            f"{expected.lfs.sha256[:12]}…; export again"
        )
