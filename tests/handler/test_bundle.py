"""Manifests, and the checks of the files that they describe."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handler.bundle import MODEL_FORMAT, ModelManifest
from handler.encoder import Encoder
from handler.errors import IndexUnavailable, ModelError
from handler.files import FileEntry, measure_files
from handler.index.index_version import IndexVersion
from handler.index.manifest import INDEX_FORMAT, IndexManifest
from tests.handler.indexes import build, document

ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
OUTSIDE = ["../encoder.onnx", "/etc/passwd", "a/../../b", "..\\b", ""]

Json = dict[str, Any]


@pytest.fixture
def bundle(tiny_model_dir: Path, tmp_path: Path) -> Path:
    """Return a copy of a model bundle, free to be spoilt."""
    return Path(shutil.copytree(tiny_model_dir, tmp_path / "bundle"))


@pytest.fixture
def version(encoder: Encoder, tmp_path: Path) -> Path:
    """Return the folder of an index version, free to be spoilt."""
    documents = [
        document(1, "One.", colour="red", tags=["a", "b"]),
        document(2, "Two.", colour="green"),
    ]
    build(tmp_path / "version", documents, encoder)
    return tmp_path / "version"


def change(folder: Path, edit: Callable[[Json], object]) -> None:
    path = folder / "manifest.json"
    raw = json.loads(path.read_bytes())
    edit(raw)
    path.write_text(json.dumps(raw), "utf-8")


def test_a_file_is_measured(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "abc").write_bytes(b"abc")
    (tmp_path / "manifest.json").write_bytes(b"{}")
    assert measure_files(tmp_path) == {"deep/abc": FileEntry(3, ABC_SHA256)}


def test_a_model_manifest_reads_back(bundle: Path) -> None:
    manifest = ModelManifest.read(bundle)
    assert (manifest.dimension, manifest.max_tokens, manifest.pooling) == (32, 48, "mean")
    (bundle / "manifest.json").write_text(manifest.to_json(), "utf-8")
    assert ModelManifest.read(bundle) == manifest


def test_an_index_manifest_reads_back(version: Path) -> None:
    text = (version / "manifest.json").read_bytes()
    manifest = IndexManifest.parse(text, "here")
    assert IndexManifest.parse(manifest.to_json().encode(), "here") == manifest
    assert list(manifest.schema) == ["colour", "tags"]
    assert manifest.schema["tags"].list


def test_the_fingerprint_follows_what_makes_vectors(bundle: Path) -> None:
    manifest = ModelManifest.read(bundle)
    files = manifest.files | {"encoder.onnx": FileEntry(3, ABC_SHA256)}
    same = [manifest, replace(manifest, model="renamed", parity={}, source={})]
    others = [
        replace(manifest, files=files),
        replace(manifest, prompts={"query": "query: ", "document": ""}),
        replace(manifest, max_tokens=47),
        replace(manifest, dimension=33),
    ]
    assert len({each.fingerprint for each in same}) == 1
    assert len({each.fingerprint for each in [*same, *others]}) == 1 + len(others)
    assert len(manifest.fingerprint) == 16


def test_a_folder_without_manifest_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=rf"no model bundle in {tmp_path}: No such file.*querytower export"
    ):
        ModelManifest.read(tmp_path)
    with pytest.raises(
        IndexUnavailable, match=r"manifest.json can't be read: No such file.*index the corpus again"
    ):
        IndexVersion.open(tmp_path)


@pytest.mark.parametrize("format_version", [99, 0, -1, 1.0, "1", None])
def test_another_format_version_is_refused(
    bundle: Path, version: Path, format_version: object
) -> None:
    for folder in (bundle, version):
        change(folder, lambda raw: raw.update(format=format_version))
    message = rf"manifest.json has format {format_version!r}, this querytower reads 1 to"
    with pytest.raises(ModelError, match=f"{message} {MODEL_FORMAT}; update querytower"):
        ModelManifest.read(bundle)
    with pytest.raises(IndexUnavailable, match=f"{message} {INDEX_FORMAT}; update querytower"):
        IndexVersion.open(version)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[1]", b"3", b"null", b"{}", b"\xff\xfe", b'"format"']
)
def test_what_is_no_manifest_is_refused(bundle: Path, version: Path, text: bytes) -> None:
    for folder in (bundle, version):
        (folder / "manifest.json").write_bytes(text)
    with pytest.raises(ModelError, match=r"manifest.json is not a manifest"):
        ModelManifest.read(bundle)
    with pytest.raises(IndexUnavailable, match=r"manifest.json is not a manifest"):
        IndexVersion.open(version)


SPOILT: list[Callable[[Json], object]] = [
    lambda raw: raw.pop("files"),
    lambda raw: raw.pop("dimension"),
    lambda raw: raw.update(files=["encoder.onnx"]),
    lambda raw: raw.update(files={"encoder.onnx": 5}),
    lambda raw: raw.update(files={"encoder.onnx": {"bytes": 5}}),
    lambda raw: raw.update(files=None),
]
SPOILT_SCHEMA: list[Callable[[Json], object]] = [
    lambda raw: raw.update(segments=[3]),
    lambda raw: raw.update(segments=[["x", 1]]),
    lambda raw: raw["files"]["order.bin"].update(sha256="../../secret"),
    lambda raw: raw.update(schema=None),
    lambda raw: raw.update(schema=["colour"]),
    lambda raw: raw["schema"].update(colour={"kind": "string"}),
    lambda raw: raw["schema"].update(colour="string"),
]


@pytest.mark.parametrize("edit", SPOILT)
def test_a_garbled_manifest_is_refused(
    bundle: Path, version: Path, edit: Callable[[Json], object]
) -> None:
    change(bundle, edit)
    change(version, edit)
    with pytest.raises(ModelError, match="lacks or garbles a field"):
        ModelManifest.read(bundle)
    with pytest.raises(IndexUnavailable, match="lacks or garbles a field"):
        IndexVersion.open(version)


@pytest.mark.parametrize("edit", SPOILT_SCHEMA)
def test_a_garbled_schema_is_refused(version: Path, edit: Callable[[Json], object]) -> None:
    change(version, edit)
    with pytest.raises(IndexUnavailable, match="lacks or garbles a field"):
        IndexVersion.open(version)


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_path_outside_the_folder_is_refused(bundle: Path, version: Path, name: str) -> None:
    for folder in (bundle, version):
        change(folder, lambda raw: raw["files"].update({name: {"bytes": 3, "sha256": ABC_SHA256}}))
    with pytest.raises(ModelError, match="outside its folder"):
        ModelManifest.read(bundle)
    with pytest.raises(IndexUnavailable, match="outside its folder"):
        IndexVersion.open(version)


def spoil(path: Path, how: str) -> str:
    """Spoil a file and return what the error should say of it."""
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
        return "is missing"
    if how == "truncated":
        path.write_bytes(data[:-1])
        return f"{len(data) - 1} bytes.*expected {len(data)} bytes.*incomplete or was altered"
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    return "sha256 .*expected.* sha256 .*incomplete or was altered"


@pytest.mark.parametrize("how", ["missing", "truncated", "tampered"])
@pytest.mark.parametrize("name", ["encoder.onnx", "tokenizer.json"])
def test_a_spoilt_file_of_a_bundle_is_named(bundle: Path, name: str, how: str) -> None:
    problem = spoil(bundle / name, how)
    with pytest.raises(ModelError, match=rf"{bundle / name} .*{problem}"):
        Encoder.open(bundle)


@pytest.mark.parametrize("how", ["missing", "truncated", "tampered"])
def test_each_spoilt_file_of_an_index_is_named(version: Path, how: str) -> None:
    files = json.loads((version / "manifest.json").read_bytes())["files"]
    assert {
        "segments/0/vectors.bin",
        "segments/0/scales.bin",
        "segments/0/compact.bin",
        "segments/0/documents.bin",
        "segments/0/passages.bin",
        "order.bin",
        "text/meta.json",
    } <= files.keys()
    for name in (name for name, entry in files.items() if entry["bytes"]):
        if how == "missing" and name.endswith("hashes.bin"):
            continue  # for the next run; what answers queries never fetches it
        good = (version / name).read_bytes()
        problem = spoil(version / name, how)
        with pytest.raises(IndexUnavailable, match=rf"{version / name} .*{problem}"):
            IndexVersion.open(version)
        (version / name).write_bytes(good)
    IndexVersion.open(version)


def test_tables_that_the_manifest_forgot(version: Path) -> None:
    change(version, lambda raw: raw["files"].pop("segments/0/documents.bin"))
    (version / "segments/0/documents.bin").unlink()
    with pytest.raises(IndexUnavailable, match=r"segments/0/documents.bin is missing"):
        IndexVersion.open(version)


def test_tables_of_another_length_are_refused(version: Path) -> None:
    change(version, lambda raw: raw.update(documents=3))
    with pytest.raises(IndexUnavailable, match=r"order.bin has 2 entries, its manifest says 3"):
        IndexVersion.open(version)
    change(version, lambda raw: raw.update(documents=2, segments=[[3, 2]]))
    with pytest.raises(IndexUnavailable, match=r"documents.bin has 2 entries, its manifest says 3"):
        IndexVersion.open(version)
