"""Wheels of the pinned requirements for another machine, from the cache or the package index."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from export.cache import CACHE_VARIABLE
from handler.errors import QuerytowerError
from infra.packaging.target import NEWEST_GLIBC, PackageTarget
from infra.pip_download import download_wheels

PIN = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?:\s*;(?P<marker>[^\\\n]+))?"
    r"(?P<hashes>(?:\s*\\\n\s*--hash=\S+)+)",
    re.MULTILINE,
)
GLIBC = re.compile(r"manylinux_2_(\d+)_|manylinux20(14)_")


@dataclass(frozen=True, slots=True)
class Pin:
    """One requirement: this version, as a file with one of these hashes."""

    name: str
    version: str
    hashes: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join([f"{self.name}=={self.version}", *self.hashes])


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel on disk."""

    path: Path

    @property
    def distribution(self) -> str:
        """The normalised name, such as `onnxruntime` or `typing-extensions`."""
        return canonicalize_name(self.path.name.split("-")[0])

    @property
    def glibc(self) -> int:
        """Minor version of the oldest glibc 2 that the wheel supports; 0 for pure Python."""
        found = [int(minor) if minor else 17 for minor, _ in GLIBC.findall(self.path.name)]
        return min(found, default=0)


def read_pins(requirements: Path, target: PackageTarget) -> list[Pin]:
    """Return the pins that apply to `target`.

    pip itself would evaluate their conditions for the Python that runs it.

    Raises:
        QuerytowerError: the file is missing, or pins nothing.
    """
    text = requirements.read_text("utf-8") if requirements.is_file() else ""
    found = [match for match in PIN.finditer(text) if _applies(match["marker"], target)]
    if not found:
        raise QuerytowerError(
            f"{requirements} pins nothing; work in a clone of the project, or run: make lock"
        )
    return [
        Pin(match["name"], match["version"], tuple(re.findall(r"--hash=\S+", match["hashes"])))
        for match in found
    ]


def fetch_wheels(pins: Sequence[Pin], target: PackageTarget, cache: Path) -> list[Wheel]:
    """Return one wheel for each pin, by name; `cache` is a folder that keeps them.

    Raises:
        QuerytowerError: no network, no wheel for the target, or one whose hash differs.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            folder = Path(scratch)
            if _download(pins, target, folder, "--no-index", "--find-links", str(cache)):
                problem = _download(pins, target, folder)
                if problem:
                    raise QuerytowerError(_explain(problem, target))
            paths = [wheel.replace(cache / wheel.name) for wheel in folder.glob("*.whl")]
    except OSError as cause:
        raise QuerytowerError(
            f"can't keep wheels in {cache}: {cause.strerror}; "
            f"set {CACHE_VARIABLE} to a writable folder with 300 MB of free space"
        ) from cause
    return [Wheel(path) for path in sorted(paths, key=lambda path: path.name.lower())]


def _applies(marker: str | None, target: PackageTarget) -> bool:
    return marker is None or Marker(marker.strip()).evaluate(target.markers)


def _download(pins: Sequence[Pin], target: PackageTarget, folder: Path, *sources: str) -> str:
    """Download the wheels into `folder`; return what pip complained about, or ""."""
    tag = "cp" + target.python.replace(".", "")
    options = ["--implementation", "cp", "--python-version", target.python]
    options += ["--abi", tag, "--abi", "abi3", "--abi", "none"]
    options += [part for platform in target.platforms for part in ("--platform", platform)]
    return download_wheels("\n".join(map(str, pins)), folder, *options, *sources)


def _explain(problem: str, target: PackageTarget) -> str:
    missing = re.search(r"No matching distribution found for (\S+)", problem)
    if "connection broken by" in problem or "Failed to establish a new connection" in problem:
        return (
            f"the package index can't be reached, and the cache lacks wheels for {target}; "
            "check the network, or build once where there is one"
        )
    if missing:
        return (
            f"{missing[1]} has no wheel for Python {target.python} on {target.arch} Linux with "
            f"glibc 2.{NEWEST_GLIBC} or older; choose another --python, or pin a version that has "
            "one: make lock"
        )
    other = re.search(r"DO NOT MATCH THE HASHES.*\n\s+(\S+) from ", problem)
    if other:
        return (
            f"the package index has a file for {other[1]} whose hash is not the pinned one; "
            "if you trust it, pin it: make lock"
        )
    return (
        f"can't fetch the wheels for {target}: {_last_line(problem)}; "
        "check the network and the package index"
    )


def _last_line(problem: str) -> str:
    lines = [line.strip() for line in problem.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no reason given"
