"""Replace a bundle folder atomically: readers see the old one, or none, or the complete new one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from handler.bundle import ModelFiles
from handler.errors import ModelError

_BUNDLE = {
    ModelFiles.ENCODER,
    ModelFiles.TOKENIZER,
    ModelFiles.MANIFEST,
    ModelFiles.RERANKER,
}


@contextmanager
def staging(to: Path) -> Iterator[Path]:
    """Yield a scratch folder beside `to`; it becomes `to` if the block succeeds, else it is removed.

    Raises:
        ModelError: `to` holds files that are no bundle's, or can't be written.
    """
    to = to.expanduser().resolve()
    _check_replaceable(to)
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(mkdtemp(dir=to.parent, prefix=f".{to.name}-"))
    except OSError as cause:
        raise _cannot_write(to, cause) from cause
    try:
        scratch.chmod(0o755)  # mkdtemp's folders are private
        yield scratch
        _swap(scratch, to)
    except OSError as cause:
        raise _cannot_write(to, cause) from cause
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _check_replaceable(to: Path) -> None:
    if to.exists() and not to.is_dir():
        raise ModelError(f"{to} is a file; name a folder for the bundle")
    others = sorted({path.name for path in to.iterdir()} - _BUNDLE) if to.is_dir() else []
    if others:
        raise ModelError(
            f"{to} holds files other than a model bundle's ({others[0]}); name a new or empty folder"
        )


def _swap(new: Path, to: Path) -> None:
    """Rename `new` to `to`, which may exist."""
    if not to.exists():
        new.rename(to)
        return
    old = new.with_name(f"{new.name}.old")
    to.rename(old)
    try:
        new.rename(to)
    except OSError:
        old.rename(to)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _cannot_write(to: Path, cause: OSError) -> ModelError:
    return ModelError(
        f"cannot write the bundle to {to}: {cause.strerror or cause}; "
        "free some space or name another folder"
    )
