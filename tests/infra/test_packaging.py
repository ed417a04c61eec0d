"""How a package is made: small wheels written here, no network."""

import csv
import hashlib
import importlib.util
import json
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import handler
from handler.errors import ModelError, QuerytowerError
from handler.storage.store import Store
from handler.versions.repository import IndexRepository
from infra.packaging.archive import zip_folder
from infra.packaging.build import build_package
from infra.packaging.bytecode import find_python
from infra.packaging.check_model import check_model
from infra.packaging.elf import compact
from infra.packaging.target import RUNTIMES, PackageTarget
from infra.packaging.trim import NEVER_IMPORTED, why_dropped
from infra.packaging.wheels import fetch_wheels, read_pins
from tests.command_line import Run, expect_failure
from tests.library import Library

RUNTIME = Path(__file__).parents[2] / "requirements/runtime.txt"
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
NEEDS = {
    "towers/__init__.py": "def height() -> int:\n    return 42\n",
    "towers/__init__.pyi": "def height() -> int: ...\n",
    "towers/tests/test_height.py": "assert False\n",
    "towers-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: towers\nVersion: 1.0\n",
    "towers-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
LIBRARIES = sorted(Path(sysconfig.get_config_var("DESTSHARED") or "").glob("*.so"))
GAP = 1 << 20
on_linux = pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(math, "__file__"),
    reason="Python's libraries are no ELF files",
)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that takes the place of the package index; the cache is empty."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in {
        "NO_INDEX": "1",
        "FIND_LINKS": str(folder),
        "CONFIG_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setenv("QUERYTOWER_EXPORT_CACHE", str(tmp_path / "cache"))
    return folder


def _wheel(folder: Path, tag: str = "py3-none-any") -> Path:
    path = folder / f"towers-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as file:
        for name, text in NEEDS.items():
            file.writestr(name, text)
        file.writestr("towers-1.0.dist-info/RECORD", "".join(f"{name},,\n" for name in NEEDS))
    return path


def _pin(folder: Path, *wheels: Path, marker: str = "") -> Path:
    hashes = "".join(
        f" \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
        for wheel in wheels
    )
    path = folder / "requirements.txt"
    path.write_text(f"towers==1.0{marker}{hashes}\n    # via nothing\n", "utf-8")
    return path


def test_a_package_holds_the_wheel_the_handler_and_the_model(
    index: Path, tmp_path: Path, tiny_model_dir: Path
) -> None:
    package = build_package(
        PackageTarget("arm64", PYTHON), tiny_model_dir, tmp_path, _pin(tmp_path, _wheel(index))
    )
    assert package.folder == tmp_path / f"querytower-arm64-{PYTHON}"
    assert sorted(path.name for path in package.folder.iterdir()) == ["handler", "model", "towers"]
    assert [path.name for path in (package.folder / "towers").iterdir()] == ["__init__.pyc"]
    for name in ("manifest.json", "encoder.onnx", "tokenizer.json"):
        assert (package.folder / "model" / name).read_bytes() == (
            tiny_model_dir / name
        ).read_bytes()
    code = "import towers, handler.errors as e; print(towers.height(), towers.height.__code__.co_filename, e.__cached__)"
    answer = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=package.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    height, where, cached = answer.stdout.split()
    assert (height, Path(where).name) == ("42", "__init__.py")
    assert Path(cached).is_file()


def test_sizes_add_up_and_what_was_left_out_is_listed(
    index: Path, tmp_path: Path, tiny_model_dir: Path
) -> None:
    package = build_package(
        PackageTarget("arm64", PYTHON), tiny_model_dir, tmp_path, _pin(tmp_path, _wheel(index))
    )
    assert package.after == sum(
        path.stat().st_size for path in package.folder.rglob("*") if path.is_file()
    )
    sizes = {component.name: component for component in package.components}
    assert sizes.keys() == {"towers", "handler", "model"}
    assert sizes["model"].before == sizes["model"].after
    assert sizes["towers"].after == (package.folder / "towers/__init__.pyc").stat().st_size
    assert package.before == sum(component.before for component in package.components)
    with (tmp_path / f"querytower-arm64-{PYTHON}.trimmed.csv").open(encoding="utf-8") as file:
        trimmed = {row["file"]: (int(row["bytes"]), row["reason"]) for row in csv.DictReader(file)}
    stub, test = "towers/__init__.pyi", "towers/tests/test_height.py"
    assert trimmed[stub] == (len(NEEDS[stub]), "type stubs")
    assert trimmed[test] == (len(NEEDS[test]), "tests")
    assert trimmed.keys() == {
        stub,
        test,
        *(f"towers-1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD")),
    }


def test_the_same_inputs_make_the_same_zip(
    index: Path, tmp_path: Path, tiny_model_dir: Path
) -> None:
    pins = _pin(tmp_path, _wheel(index))
    first = zip_folder(
        build_package(PackageTarget("x86_64", PYTHON), tiny_model_dir, tmp_path / "a", pins).folder
    )
    old_mask = os.umask(0o077)
    try:
        folder = build_package(
            PackageTarget("x86_64", PYTHON), tiny_model_dir, tmp_path / "b/c", pins
        ).folder
        os.utime(folder / "handler/main.py", (0, 10**9))
        second = zip_folder(folder)
    finally:
        os.umask(old_mask)
    assert first.sha256 == second.sha256 == hashlib.sha256(second.path.read_bytes()).hexdigest()
    assert first.bytes == second.path.stat().st_size
    with zipfile.ZipFile(second.path) as file:
        assert {entry.external_attr >> 16 for entry in file.infolist()} == {0o100644}
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in folder.rglob("*"))


def test_a_second_build_replaces_the_first(
    index: Path, tmp_path: Path, tiny_model_dir: Path
) -> None:
    pins = _pin(tmp_path, _wheel(index))
    target = PackageTarget("x86_64", PYTHON)
    archive = zip_folder(build_package(target, tiny_model_dir, tmp_path, pins).folder)
    (tmp_path / f"querytower-{target}/leftover.py").write_text("x", "utf-8")
    (index / "towers-1.0-py3-none-any.whl").unlink()  # the cache has it
    package = build_package(target, tiny_model_dir, tmp_path, pins)
    assert not (package.folder / "leftover.py").exists()
    assert not archive.path.exists()


def test_without_an_interpreter_the_sources_are_shipped(
    index: Path, tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    other = next(version for version in RUNTIMES if version not in (PYTHON, "3.11"))
    package = build_package(
        PackageTarget("arm64", other), tiny_model_dir, tmp_path, _pin(tmp_path, _wheel(index))
    )
    assert (package.folder / "towers/__init__.py").read_text("utf-8") == NEEDS["towers/__init__.py"]
    assert package.bytecode_bytes == 0
    assert package.notes[0].startswith(f"no Python {other} was found to compile byte code")


def test_interpreters_are_recognised_by_what_they_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version, answer in {
        "9.8": "exit 127",
        "9.9": "echo 9.9",
    }.items():  # the first is how pyenv's shims fail
        program = tmp_path / f"python{version}"
        program.write_text(f"#!/bin/sh\n{answer}\n", "ascii")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert find_python("9.8") is None
    assert find_python("9.9") == tmp_path / "python9.9"
    assert find_python(PYTHON) == Path(sys.executable)


def test_a_runtime_with_an_older_c_library_is_told(
    index: Path, tmp_path: Path, tiny_model_dir: Path
) -> None:
    pins = _pin(tmp_path, _wheel(index, "py3-none-manylinux_2_27_aarch64.manylinux_2_28_aarch64"))
    note = "Lambda's managed Python 3.11 has glibc 2.26, and these need a newer one: towers; deploy for Python 3.12"
    packages = {
        python: build_package(PackageTarget("arm64", python), tiny_model_dir, tmp_path, pins)
        for python in ("3.11", "3.12")
    }
    assert [python for python, package in packages.items() if note in " ".join(package.notes)] == [
        "3.11"
    ]


@pytest.mark.parametrize(
    ("arch", "python", "problem"),
    [
        ("riscv", "3.13", "Lambda has no architecture 'riscv'; choose one of: arm64, x86_64"),
        ("arm64", "3.9", r"a package for Python '3\.9' can't be built; choose one of: 3\.11, "),
    ],
)
def test_unknown_targets(arch: str, python: str, problem: str) -> None:
    with pytest.raises(QuerytowerError, match=problem):
        PackageTarget(arch, python)


@pytest.mark.parametrize(
    "tag", ["cp313-cp313-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_aarch64"]
)
def test_a_wheel_for_another_machine_is_none(index: Path, tmp_path: Path, tag: str) -> None:
    target = PackageTarget("arm64", "3.13")
    pins = read_pins(_pin(tmp_path, _wheel(index, tag)), target)
    with pytest.raises(
        QuerytowerError,
        match=r"towers==1\.0 has no wheel for Python 3\.13 on arm64 Linux .*make lock",
    ):
        fetch_wheels(pins, target, tmp_path / "cache")


def test_another_file_than_the_one_pinned(index: Path, tmp_path: Path) -> None:
    target = PackageTarget("arm64", "3.13")
    wheel = _wheel(index)
    pins = read_pins(_pin(tmp_path, wheel), target)
    with zipfile.ZipFile(wheel, "a") as file:
        file.writestr("towers/more.py", "")
    with pytest.raises(
        QuerytowerError,
        match=r"a file for towers==1\.0 whose hash is not the pinned one.*make lock",
    ):
        fetch_wheels(pins, target, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_no_network(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    target = PackageTarget("arm64", "3.13")
    with pytest.raises(
        QuerytowerError,
        match=r"can't be reached, and the cache lacks wheels for arm64-3\.13",
    ):
        fetch_wheels(
            read_pins(_pin(tmp_path, _wheel(tmp_path)), target), target, tmp_path / "cache"
        )


def test_a_cache_that_cannot_be_written(index: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        QuerytowerError, match=r"can't keep wheels in .*/file/wheels: .*QUERYTOWER_EXPORT_CACHE"
    ):
        fetch_wheels([], PackageTarget("arm64", "3.13"), tmp_path / "file/wheels")


def test_a_package_beyond_lambdas_limit_points_to_the_container(
    index: Path, tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.packaging.build.MAX_BYTES", 1 << 10)
    command = "docker build --platform linux/amd64 --build-arg PYTHON=3.12 -f infra/Dockerfile"
    with pytest.raises(
        QuerytowerError, match=rf"the model has .* smaller model, .* 10 GB: {re.escape(command)} "
    ) as caught:
        build_package(
            PackageTarget("x86_64", "3.12"), tiny_model_dir, tmp_path, _pin(tmp_path, _wheel(index))
        )
    context = Path(str(caught.value).split()[-1])
    assert (context / "model/encoder.onnx").is_file()


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="make one with: querytower export"):
        build_package(PackageTarget("arm64", "3.13"), tmp_path / "absent", tmp_path)


def test_a_model_that_did_not_build_the_index_is_not_packaged(
    run: Run, library: Library, tmp_path: Path
) -> None:
    shutil.copytree(library.model, tmp_path / "other")
    manifest = tmp_path / "other/manifest.json"
    prompts = json.loads(manifest.read_text("utf-8")) | {"prompts": {"query": "query: "}}
    manifest.write_text(json.dumps(prompts), "utf-8")
    expect_failure(
        run("package", "--model", "other", "--store", library.store),
        f"index 'default' in {library.store} was built with",
        "other holds",
        f"querytower index CORPUS --to {library.store} --model other",
    )
    assert not (tmp_path / "build").exists()


def test_a_model_is_compared_with_the_published_index(library: Library) -> None:
    store = Store.open(str(library.store))
    assert check_model(library.model, IndexRepository(store, "default")) == ""
    assert "has no index 'absent' yet" in check_model(
        library.model, IndexRepository(store, "absent")
    )


def test_requirements_apply_by_the_target_not_by_this_python(tmp_path: Path) -> None:
    pins = _pin(
        tmp_path,
        _wheel(tmp_path),
        marker=" ; python_full_version >= '3.12' and platform_machine == 'aarch64'",
    )
    assert [str(pin).split()[0] for pin in read_pins(pins, PackageTarget("arm64", "3.13"))] == [
        "towers==1.0"
    ]
    for target in (PackageTarget("arm64", "3.11"), PackageTarget("x86_64", "3.13")):
        with pytest.raises(QuerytowerError, match="pins nothing"):
            read_pins(pins, target)


def test_each_target_has_one_version_of_each_requirement() -> None:
    direct = {
        "fastapi",
        "mangum",
        "numpy",
        "obstore",
        "onnxruntime",
        "tantivy",
        "tokenizers",
        "numkong",
    }
    for python in RUNTIMES:
        names = [pin.name for pin in read_pins(RUNTIME, PackageTarget("arm64", python))]
        assert len(names) == len(set(names))
        assert direct <= set(names)
        assert NEVER_IMPORTED.keys() <= set(names), (
            "a package that is left out is no longer required"
        )


def test_the_handler_uses_no_part_of_numpy_that_is_left_out() -> None:
    sources = [path.read_text("utf-8") for path in Path(handler.__path__[0]).rglob("*.py")]
    used = {part for source in sources for part in re.findall(r"\b(?:np|numpy)\.(\w+)", source)}
    assert "float32" in used
    assert why_dropped("numpy", "numpy/fft/__init__.py")
    assert [part for part in used if why_dropped("numpy", f"numpy/{part}/__init__.py")] == []


@on_linux
def test_a_compacted_library_loads(tmp_path: Path) -> None:
    target = tmp_path / "math.so"
    target.write_bytes(compact(_spread(Path(math.__file__).read_bytes())))
    spec = importlib.util.spec_from_file_location("math", target)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    assert loaded.__file__ == str(target)
    assert loaded.lgamma(7.5) == math.lgamma(7.5)


@on_linux
def test_a_compacted_library_maps_the_same_memory() -> None:
    for library in (path.read_bytes() for path in LIBRARIES):
        spread = _spread(library)
        compacted = compact(spread)
        assert len(compacted) <= len(library)
        assert _memory(compacted) == _memory(spread) == _memory(library)
        assert compact(compacted) == compacted


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF\x01\x01" + bytes(60)])
def test_what_is_no_library_stays_as_it_is(data: bytes) -> None:
    assert compact(data) == data


def _headers(data: bytes) -> tuple[int, list[list[int]]]:
    """Return where the program headers are, and each: kind, flags, offset, address, _, size, memory, align."""
    (start,) = struct.unpack_from("<Q", data, 32)
    (count,) = struct.unpack_from("<H", data, 56)
    return start, [
        list(struct.unpack_from("<IIQQQQQQ", data, start + 56 * number)) for number in range(count)
    ]


def _memory(data: bytes) -> list[tuple[int, int, int, int, bytes]]:
    """Return what the loader reads: each segment's kind, flags, address, size in memory and content."""
    start, headers = _headers(data)
    blank = (
        bytes(start) + bytes(56 * len(headers)) + data[start + 56 * len(headers) :]
    )  # offsets may differ
    for kind, _, offset, address, _, size, _, align in headers:
        assert kind != 1 or (address - offset) % align == 0, "the loader would refuse it"
        assert offset + size <= len(data)
    return [
        (kind, flags, address, memory, blank[at : at + size])
        for kind, flags, at, address, _, size, memory, _ in headers
    ]


def _spread(data: bytes) -> bytes:
    """Put a gap before the last loaded segment, and something after it, as patchelf and debug information do."""
    start, headers = _headers(data)
    last = max((header for header in headers if header[0] == 1), key=lambda header: header[2])
    begin = last[2]
    output = bytearray(data[:begin] + bytes(GAP) + data[begin:] + bytes(12345))
    for number, header in enumerate(headers):
        if begin <= header[2] and header[5]:
            header[2] += GAP
        struct.pack_into("<IIQQQQQQ", output, start + 56 * number, *header)
    return bytes(output)
