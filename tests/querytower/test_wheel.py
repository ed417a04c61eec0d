"""A wheel owns one name, `querytower`, and works beside packages that own the others."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.function import ROOT
from tests.library import BOOKS, Library

SOURCES = ("querytower", "handler", "export", "infra", "setup.py", "pyproject.toml")
TEXTS = ("README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this project, built in a copy of its sources."""
    copy = tmp_path_factory.mktemp("sources")
    for name in (*SOURCES, *TEXTS):
        ignored = shutil.ignore_patterns("__pycache__")
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=ignored)
        else:
            shutil.copyfile(source, copy / name)
    build = "from setuptools.build_meta import build_wheel; print(build_wheel('dist'))"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=copy, capture_output=True, text=True, check=True
    )
    return copy / "dist" / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a Python that has the wheel, its requirements, and other people's modules."""
    site = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    others = tmp_path_factory.mktemp("others")
    for name in ("handler", "export", "infra"):
        (others / f"{name}.py").write_text(f"raise SystemExit('{name} of somebody else')")
    paths = (others, site, sysconfig.get_path("purelib"))
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, paths))}


def python(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python without the editable install of this environment, which a .pth file brings."""
    return subprocess.run(
        [sys.executable, "-S", *arguments],
        cwd=environment["PYTHONPATH"].partition(os.pathsep)[0],
        env=environment,
        capture_output=True,
        text=True,
    )


def test_it_owns_one_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata] = {name.split("/")[0] for name in names} - {"querytower"}
        assert archive.read(f"{metadata}/top_level.txt").decode().split() == ["querytower"]
    assert "querytower/handler/page/web/style.css" in names
    assert "querytower/infra/demo/corpus.jsonl" in names
    assert "querytower/py.typed" in names


def test_no_module_imports_an_old_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        modules = [name for name in archive.namelist() if name.endswith(".py")]
        for name in modules:
            text = archive.read(name).decode()
            assert re.findall(r"^ *(?:from|import) (?:handler|export|infra)\b.*", text, re.M) == []
    assert len(modules) > 100


def test_python_searches_with_it(environment: dict[str, str], library: Library) -> None:
    code = (
        "from querytower import Index; from querytower.handler.errors import QuerytowerError;"
        f"print(Index.open({str(library.store)!r}, model={str(library.model)!r}).get('bare').text)"
    )
    done = python(environment, "-c", code)
    assert (done.stdout, done.stderr) == (BOOKS[-1]["text"] + "\n", "")


def test_the_command_line_works_from_it(environment: dict[str, str], library: Library) -> None:
    store, model = str(library.store), str(library.model)
    options = ("--store", store, "--model", model, "--json")
    done = python(environment, "-m", "querytower", "search", "tide", *options)
    assert done.returncode == 0, done.stderr
    assert {hit["id"] for hit in json.loads(done.stdout)["hits"]} == {book["id"] for book in BOOKS}


def test_packaging_from_it_says_what_is_needed(
    environment: dict[str, str], library: Library
) -> None:
    done = python(environment, "-m", "querytower", "package", "--model", str(library.model))
    assert done.returncode == 1
    assert "a package is built in a clone of the repository" in done.stderr
