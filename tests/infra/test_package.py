"""The package from the real requirements: its sizes, and the function that runs from it and from nothing else."""

import ast
import hashlib
import io
import json
import os
import platform
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mangum import Mangum
from rich.console import Console

from export.cache import cache_folder
from handler.app import create_app
from handler.errors import QuerytowerError
from handler.service import Service
from handler.settings import Settings
from infra.cli.commands.package import size_table
from infra.emulation.emulator import Emulator
from infra.packaging.archive import Archive, zip_folder
from infra.packaging.build import build_package
from infra.packaging.bytecode import find_python
from infra.packaging.report import Package
from infra.packaging.target import PackageTarget
from infra.packaging.wheels import fetch_wheels, read_pins
from tests.requests import REQUESTS, answer_of

ROOT = Path(__file__).parents[2]
RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"
HOST = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "")
ELF_MACHINES = {"x86_64": 62, "arm64": 183}  # EM_X86_64, EM_AARCH64
MB = 1 << 20
MAX_UNZIPPED = 160 * MB
MAX_ZIPPED = 64 * MB

# Indexes half of the sample corpus, then all of it, with what is in the working folder, as the reindex function would.
REINDEX = """
import sys
from pathlib import Path
from handler.corpus.sources import open_corpus
from handler.encoder import Encoder
from handler.quality.gates import Limits
from handler.reindex.job import ReindexJob
from handler.reindex.pipeline import reindex
from handler.versions.repository import IndexRepository

whole, scratch = map(Path, sys.argv[1:])
lines = whole.read_text("utf-8").splitlines(keepends=True)
corpus = scratch / "corpus.jsonl"
limits = Limits(min_self_retrieval=0.0)  # the model is a random one
for count in (len(lines) // 2, len(lines)):
    corpus.write_text("".join(lines[:count]), "utf-8")
    job = ReindexJob(
        corpus=open_corpus(str(corpus)),
        repository=IndexRepository.open(str(scratch / "store")),
        encoder=Encoder.open(Path("model")),
        limits=limits,
    )
    print(reindex(job).kind, file=sys.stderr)
files = [getattr(module, "__file__", None) or "" for module in sys.modules.values()]
print(*(file for file in files if "site-packages" in file))
"""


def _build(target: PackageTarget, model: Path, out: Path) -> Package:
    try:
        return build_package(target, model, out)
    except QuerytowerError as error:
        if "can't be reached" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=["arm64", "x86_64"])
def full(
    request: pytest.FixtureRequest, model_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Package:
    """Package with the default model."""
    return _build(PackageTarget(request.param, "3.13"), model_dir, tmp_path_factory.mktemp("full"))


def test_the_package_is_within_its_budget(full: Package) -> None:
    archive = zip_folder(full.folder)
    assert full.bytecode_bytes > MB or find_python("3.13") is None
    if full.after > MAX_UNZIPPED or archive.bytes > MAX_ZIPPED:
        pytest.fail(
            f"the package exceeds {MAX_UNZIPPED} or {MAX_ZIPPED} bytes:\n{_rendered(full, archive)}"
        )


def test_every_library_is_for_the_target_and_can_be_mapped(full: Package) -> None:
    libraries = {
        path: path.read_bytes() for path in full.folder.rglob("*") if ".so" in path.suffixes
    }
    assert len(libraries) > 10
    for path, data in libraries.items():
        assert data[:4] == b"\x7fELF", path
        assert struct.unpack_from("<H", data, 18) == (ELF_MACHINES[full.target.arch],), path
        (start,), (count,) = struct.unpack_from("<Q", data, 32), struct.unpack_from("<H", data, 56)
        for number in range(count):
            kind, _, offset, address, _, size, _, align = struct.unpack_from(
                "<IIQQQQQQ", data, start + 56 * number
            )
            assert kind != 1 or (address - offset) % align == 0, path
            assert offset + size <= len(data), path


@pytest.fixture(scope="module", params=["3.11", "3.12", "3.13"])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter of this version with no packages at all."""
    base = find_python(request.param)
    if base is None:
        pytest.skip(f"there is no Python {request.param} here; install it, with pyenv for example")
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([base, "-m", "venv", "--without-pip", folder], check=True)
    return folder / "bin/python"


@pytest.fixture(scope="module")
def target(python: Path) -> PackageTarget:
    """What to build for: this machine, and the version of `python`."""
    if not HOST:
        pytest.skip(f"Lambda has no CPU like {platform.machine()}")
    version = subprocess.run(
        [python, "--version"], capture_output=True, text=True, check=True
    ).stdout
    return PackageTarget(HOST, re.findall(r"\d+\.\d+", version)[0])


@pytest.fixture(scope="module")
def runtime(target: PackageTarget, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with awslambdaric and what it needs, as Lambda has them outside the package."""
    wanted = {"awslambdaric", "simplejson", "snapshot-restore-py"}
    pins = [pin for pin in read_pins(ROOT / "requirements/dev.txt", target) if pin.name in wanted]
    folder = tmp_path_factory.mktemp("runtime")
    try:
        wheels = fetch_wheels(pins, target, cache_folder("wheels"))
    except QuerytowerError as error:
        pytest.skip(str(error))
    for wheel in wheels:
        zipfile.ZipFile(wheel.path).extractall(folder)
    return folder


@pytest.fixture(scope="module")
def task_root(
    target: PackageTarget, tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The package; the one for the running Python went through the zip and lies elsewhere than it was built."""
    built = _build(target, tiny_model_dir, tmp_path_factory.mktemp("build")).folder
    if target.python != RUNNING:
        return built
    folder = tmp_path_factory.mktemp("task")
    zipfile.ZipFile(zip_folder(built).path).extractall(folder)
    return folder


@pytest.fixture(scope="module")
def store(python: Path, task_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with an index of the sample corpus that the package has made."""
    scratch = tmp_path_factory.mktemp("scratch")
    command: list[str | Path] = [python, "-c", REINDEX, ROOT / "infra/demo/corpus.jsonl", scratch]
    done = subprocess.run(
        command, cwd=task_root, env=_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.split() == ["published"] * 2
    assert done.stdout.splitlines()[-1] == "", "modules were found outside the package"
    return scratch / "store"


@pytest.fixture(scope="module")
def in_process(store: Path, tiny_model_dir: Path) -> Callable[[Any], dict[str, Any]]:
    """The same application from the source tree, with this Python and the environment of the tests."""
    settings = Settings(
        store=str(store), model=str(tiny_model_dir), cache=str(store.parent / "cache")
    )
    service = Service.open(settings)
    application = Mangum(create_app(settings, lambda: service), lifespan="off")
    return lambda event: application(event, None)  # type: ignore[arg-type]


def test_the_unzipped_package_answers_every_request_as_the_source_does(
    rie: None,
    python: Path,
    runtime: Path,
    task_root: Path,
    store: Path,
    in_process: Callable[[Any], dict[str, Any]],
) -> None:
    environment = {"QUERYTOWER_STORE": str(store), "PYTHONPATH": str(runtime)}
    with Emulator(
        task_root, "handler.main.http", environment=environment, python=python
    ) as emulator:
        calls = {name: emulator.invoke(sent) for name, sent in REQUESTS.items()}
    for name, call in calls.items():
        assert answer_of(call.payload) == answer_of(in_process(REQUESTS[name])), name
        assert all(line.startswith("{") for line in call.log), (
            f"{name} wrote more than its own log lines: {call.log}"
        )
    assert json.loads(calls["search"].payload["body"])["hits"]


EXTRAS = {"docutils", "mammoth", "pypdfium2", "python_calamine", "selectolax"}


def test_the_package_has_whatever_the_handler_imports(python: Path, task_root: Path) -> None:
    # What reads PDF, Word, Excel and the like, and Lance, needs an extra, which the package lacks.
    sources = [
        path
        for path in sorted((task_root / "handler").rglob("*.py"))
        if "lance" not in path.parts
        and not {name.partition(".")[0] for name in _imports(path)} & EXTRAS
    ]
    modules = {
        str(path.relative_to(task_root).with_suffix("")).replace("/", ".") for path in sources
    }
    imported = {name for path in sources for name in _imports(path)} | modules
    wanted = {name for name in imported if not name.startswith("handler.tiers.lance")}
    optional = {
        "pyarrow",
        "pyarrow.parquet",
        "snapshot_restore_py",
    }  # an extra, and a part of Lambda's runtime
    code = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    command: list[str | Path] = [python, "-c", code, *sorted(wanted - optional)]
    subprocess.run(
        command, cwd=task_root, env=_environment(QUERYTOWER_STORE="memory://"), check=True
    )


@pytest.mark.parametrize("full", ["arm64"], indirect=True)
def test_the_same_inputs_make_the_same_package(
    full: Package, model_dir: Path, tmp_path: Path
) -> None:
    again = _build(full.target, model_dir, tmp_path)
    assert _digests(again.folder) == _digests(full.folder)


def _environment(**variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **variables}


def _rendered(package: Package, archive: Archive) -> str:
    text = io.StringIO()
    Console(file=text, width=80).print(size_table(package, archive))
    return text.getvalue()


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def _imports(source: Path) -> Iterator[str]:
    """Yield the modules that a file imports anywhere, in functions too."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
