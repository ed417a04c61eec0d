"""Build a package: the folder with all that the function needs."""

import csv
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from export.cache import cache_folder
from handler import __path__ as handler_path
from handler.bundle import ModelFiles, ModelManifest
from handler.errors import QuerytowerError
from infra.packaging.bytecode import compile_sources, find_python
from infra.packaging.report import MAX_BYTES, MB, Package, measure
from infra.packaging.target import PackageTarget
from infra.packaging.trim import NEVER_IMPORTED
from infra.packaging.unpack import Unpacked, unpack
from infra.packaging.wheels import Wheel, fetch_wheels, read_pins

REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "runtime.txt"


def build_package(
    target: PackageTarget, model: Path, out: Path, requirements: Path = REQUIREMENTS
) -> Package:
    """Build the folder `out`/querytower-ARCH-PYTHON with wheels, handler/ and `model`.

    A file beside it that ends in .trimmed.csv lists what was left out, and why.

    Raises:
        ModelError: there is no usable model bundle.
        QuerytowerError: a wheel can't be fetched, or the package exceeds Lambda's limit. In the
            second case the folder is complete.
        QuerytowerError: this querytower was installed from a wheel, which lacks the pins.
    """
    if not requirements.is_file():
        raise QuerytowerError(
            f"{requirements} is missing: a package is built in a clone of the repository, as it "
            "has the pinned requirements and template.yaml; clone it and run make package"
        )
    manifest = ModelManifest.read(model)
    folder = out / f"querytower-{target}"
    part = folder.with_name(f"{folder.name}.part")
    folder.with_name(f"{folder.name}.zip").unlink(missing_ok=True)  # an old one, of another folder
    shutil.rmtree(part, ignore_errors=True)
    wheels = fetch_wheels(read_pins(requirements, target), target, cache_folder("wheels"))
    unpacked = [unpack(wheel, part) for wheel in wheels]
    shutil.copytree(
        handler_path[0], part / "handler", ignore=shutil.ignore_patterns("__pycache__", ".*")
    )
    _copy_model(model, [ModelFiles.MANIFEST, *manifest.files], part / "model")
    if (model / ModelFiles.RERANKER).is_dir():
        reranker = ModelManifest.read(model / ModelFiles.RERANKER)
        names = [ModelFiles.MANIFEST, *reranker.files]
        _copy_model(model / ModelFiles.RERANKER, names, part / "model" / ModelFiles.RERANKER)
    python = find_python(target.python)
    if python:
        compile_sources(part, python)
    _put_in_place(part, folder)
    _write_trimmed(unpacked, folder.with_name(f"{folder.name}.trimmed.csv"))
    components = measure(folder, unpacked)
    _check_size(folder, target, sum(component.after for component in components))
    bytecode_bytes = sum(path.stat().st_size for path in folder.rglob("*.pyc"))
    return Package(
        target=target,
        folder=folder,
        components=components,
        bytecode_bytes=bytecode_bytes,
        notes=tuple(_notes(target, wheels, python)),
    )


def _copy_model(source: Path, names: Iterable[str], target: Path) -> None:
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)


def _put_in_place(part: Path, folder: Path) -> None:
    """Replace the last folder by the finished one, readable for Lambda's user."""
    for path in part.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    part.chmod(0o755)
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)


def _write_trimmed(unpacked: Iterable[Unpacked], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["package", "file", "bytes", "reason"])
        for wheel in unpacked:
            writer.writerows(
                [wheel.distribution, each.path, each.bytes, each.reason] for each in wheel.trimmed
            )


def _check_size(folder: Path, target: PackageTarget, size: int) -> None:
    if size <= MAX_BYTES:
        return
    model = sum(path.stat().st_size for path in (folder / "model").rglob("*") if path.is_file())
    raise QuerytowerError(
        f"{folder} has {size / MB:.0f} MB, of which the model has {model / MB:.0f}, and Lambda "
        f"unzips no more than {MAX_BYTES / MB:.0f}; use a smaller model, or build a container "
        "image, which may have 10 GB: "
        f"docker build --platform linux/{target.arch.replace('x86_64', 'amd64')} "
        f"--build-arg PYTHON={target.python} -f infra/Dockerfile -t querytower {folder}"
    )


def _notes(target: PackageTarget, wheels: Sequence[Wheel], python: Path | None) -> Iterator[str]:
    if python is None:
        yield (
            f"no Python {target.python} was found to compile byte code, so the package holds "
            "sources and the function starts more slowly; install that Python, for example with "
            "pyenv"
        )
    newer = [
        wheel.distribution
        for wheel in wheels
        if wheel.glibc > target.glibc and wheel.distribution not in NEVER_IMPORTED
    ]
    if newer:
        yield (
            f"Lambda's managed Python {target.python} has glibc 2.{target.glibc}, and these need "
            f"a newer one: {', '.join(newer)}; deploy for Python 3.12 or newer"
        )
