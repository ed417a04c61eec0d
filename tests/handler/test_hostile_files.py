"""JSON files in storage that are damaged, hostile or of another kind: a sentence, or no harm."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from handler.encoder import Encoder
from handler.errors import IndexUnavailable, ModelError
from handler.index.manifest import INDEX_FORMAT, IndexFiles, IndexManifest
from handler.stored_json import Count, Garbled, bound, read_json
from handler.versions.lease import Holder
from handler.versions.pointer import Pointer
from tests.handler.reindexing import Counting, Place, record
from tests.stored_paths import PATHS

Json = dict[str, Any]

DEEP = "[" * 100_000
NO_JSON = [b"", b"\xff\xfe", b"{", b"[]", b"null", b"3", b'"x"', DEEP.encode(), b'{"a":' * 50_000]
POINTER = {
    "format": INDEX_FORMAT,
    "version": "20261125T203014013-6a788c",
    "manifest_sha256": "0" * 64,
    "published": "2026-11-25T20:30:17+00:00",
    "history": [["20261125T203005682-8aad60", "2026-11-25T20:30:05+00:00"]],
}
LEASE = {"holder": "process 1", "expires": 0.0, "since": "2026-11-25T20:30:17+00:00"}

# Field of a manifest, and a value that no manifest has there.
MANIFEST_FIELDS: list[tuple[str, Any]] = [
    ("name", 5),
    ("name", "x" * 5000),
    ("version", ["a"]),
    ("documents", "many"),
    ("documents", 1.5),
    ("documents", -1),
    ("documents", True),
    ("passages", 10**13),
    ("dimension", 0),
    ("dimension", 10**9),
    ("precision", "f64"),
    ("precision", None),
    ("language", {}),
    ("split", {"length": 96}),
    ("split", {"size": 3, "overlap": 1}),
    ("split", {"size": "96", "overlap": 24}),
    ("schema", {"year": {"kind": "complex", "list": False, "documents": 1}}),
    ("schema", {"year": {"kind": "integer", "list": "no", "documents": 1}}),
    ("quality", {"recall": "good"}),
    ("failures", "none"),
    ("corpus", {"url": 7}),
    ("files", {"vectors.bin": {"bytes": "5", "sha256": "0" * 64}}),
    ("files", {"vectors.bin": {"bytes": 10**15, "sha256": "0" * 64}}),
    ("files", {"vectors.bin": {"bytes": -1, "sha256": "0" * 64}}),
    ("files", {"vectors.bin": {"bytes": 5, "sha256": "no digest"}}),
    ("files", {}),
]
FILE_NAMES = ["x" * 5000, "a\0b", "a\nb", "a//b", "./a", "a/..", "/a", "a\\b", ""]


@pytest.fixture
def place(encoder: Encoder, tmp_path: Path) -> Place:
    place = Place(tmp_path, Counting(encoder))
    place.write("a.jsonl", [record(f"a{number}") for number in range(3)])
    place.run()
    return place


@pytest.fixture(scope="module")
def manifest(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Json:
    place = Place(tmp_path_factory.mktemp("place"), Counting(encoder))
    place.write("a.jsonl", [record("a", year=1990)])
    place.run()
    return manifest_of(place)


def manifest_of(place: Place) -> Json:
    (path,) = place.folder.glob(f"store/{PATHS.version('*')}/manifest.json")
    return dict(json.loads(path.read_bytes()))


def one_line(problem: pytest.ExceptionInfo[Exception], origin: str) -> str:
    """Return the message after checking that it is a sentence of bounded length about `origin`."""
    text = str(problem.value)
    assert text.startswith(origin)
    assert "\n" not in text
    assert len(text) < 500
    assert "; " in text
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """All that a stored file may consist of."""

    text: str
    number: Annotated[float, bound(ge=0)]
    count: Count
    flag: bool
    choice: Literal["a", "b"]
    pairs: list[tuple[str, int]]
    more: dict[str, list[int]] = field(default_factory=dict)
    anything: Any = None


SAMPLE: Json = asdict(
    Sample(text="é", number=0.5, count=3, flag=True, choice="a", pairs=[("x", 1)], more={"y": [2]})
)


def test_what_was_written_is_read() -> None:
    assert read_json(Sample, json.dumps(SAMPLE)) == Sample(**SAMPLE | {"pairs": [("x", 1)]})
    few = {name: SAMPLE[name] for name in SAMPLE if name not in ("more", "anything")}
    found = read_json(Sample, json.dumps(few | {"unknown": 1}))
    assert (found.more, found.anything) == ({}, None)


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("text", 5, "text: "),
        ("number", -0.1, "number: "),
        ("number", "0.5", "number: "),
        ("count", 2.0, "count: "),
        ("count", 2**53 + 1, "count: "),
        ("flag", 1, "flag: "),
        ("choice", "c", "choice: "),
        ("pairs", [["x", 1, 2]], "pairs.0"),
        ("pairs", [["x", "1"]], "pairs.0.1: "),
        ("more", {"y": [None]}, "more.y.0: "),
        ("more", {"y" * 5000 + "\n": 1}, "more.yyy"),
    ],
)
def test_the_field_is_named(name: str, value: Any, place: str) -> None:
    with pytest.raises(Garbled) as problem:
        read_json(Sample, json.dumps(SAMPLE | {name: value}))
    assert str(problem.value).startswith(place)
    assert len(str(problem.value)) < 200


@pytest.mark.parametrize("data", NO_JSON)
def test_what_is_no_json_object(data: bytes) -> None:
    with pytest.raises(IndexUnavailable) as problem:
        IndexManifest.parse(data, "here")
    assert "is not a manifest: " in one_line(problem, "here")
    with pytest.raises(IndexUnavailable) as problem:
        Pointer.parse(data, "here")
    assert "is not a pointer" in one_line(problem, "here")
    assert Holder.parse(data) == Holder("", 0.0, "")


@pytest.mark.parametrize(("name", "value"), MANIFEST_FIELDS)
def test_a_garbled_field_of_a_manifest(manifest: Json, name: str, value: Any) -> None:
    data = json.dumps(manifest | {name: value}).encode()
    with pytest.raises(IndexUnavailable) as problem:
        IndexManifest.parse(data, "here")
    assert f"lacks or garbles a field: {name}" in one_line(problem, "here")


@pytest.mark.parametrize("name", FILE_NAMES)
def test_a_file_name_that_no_manifest_has(manifest: Json, name: str) -> None:
    files = manifest["files"] | {name: {"bytes": 3, "sha256": "0" * 64}}
    with pytest.raises(IndexUnavailable) as problem:
        IndexManifest.parse(json.dumps(manifest | {"files": files}).encode(), "here")
    assert "outside its folder" in one_line(problem, "here")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "4"),
        ("version", "../x"),
        ("version", "x" * 5000),
        ("version", ""),
        ("version", 5),
        ("manifest_sha256", "x"),
        ("published", "yesterday"),
        ("published", "2026-11-25T20:30:17"),
        ("history", [["a"]]),
        ("history", [["a", 5]]),
        ("history", [["a", "2026-13-25T20:30:17+00:00"]]),
        ("history", {"a": "b"}),
    ],
)
def test_a_garbled_field_of_a_pointer(name: str, value: Any) -> None:
    assert Pointer.parse(json.dumps(POINTER).encode(), "here").version == POINTER["version"]
    with pytest.raises(IndexUnavailable) as problem:
        Pointer.parse(json.dumps(POINTER | {name: value}).encode(), "here")
    one_line(problem, "here")


@pytest.mark.parametrize("expires", ["x", 1e300, -1, True, None, [1]])
def test_nobody_holds_a_garbled_lease(expires: Any) -> None:
    assert Holder.parse(json.dumps(LEASE | {"expires": 5.0}).encode()).expires == 5
    lease = json.dumps(LEASE | {"expires": expires}).encode()
    assert Holder.parse(lease) == Holder("", 0.0, "")


def test_a_lease_of_infinity_is_garbled() -> None:
    assert Holder.parse(json.dumps(LEASE | {"expires": float("inf")}).encode()).expires == 0


def test_the_files_of_another_version(place: Place) -> None:
    manifest = manifest_of(place)
    (folder,) = place.folder.glob(f"store/{PATHS.version('*')}")
    path = folder / IndexFiles.MANIFEST
    path.write_text(json.dumps(manifest | {"version": "20200101T000000000-aaaaaa"}), "utf-8")
    assert place.repository.versions() == []


# Notes that a run can do without: whatever is in them, the run goes on.
NOTES: dict[str, Callable[[Place], str]] = {
    "verdict": lambda _: PATHS.last_attempt,
    "rolled back": lambda _: f"indexes/{PATHS.index}/rolled-back.json",
    "lease": lambda _: PATHS.lease,
    "etags": lambda place: f"{PATHS.version(place.version())}/{IndexFiles.ETAGS}",
    "drift": lambda place: f"{PATHS.version(place.version())}/{IndexFiles.DRIFT}",
    "objects": lambda place: f"{PATHS.version(place.version())}/{IndexFiles.OBJECTS}",
    "rejects": lambda place: f"{PATHS.version(place.version())}/{IndexFiles.REJECTS}",
}
NOTE_TEXTS = [DEEP.encode(), b"{}", b"[[1, 2]]", b'{"format": 1, "profile": {}, "kind": "same"}']


@pytest.mark.parametrize("note", NOTES)
def test_a_garbled_note_stops_no_run(place: Place, note: str) -> None:
    for number, text in enumerate(NOTE_TEXTS):
        place.store.put(NOTES[note](place), text)
        place.write("a.jsonl", [record(f"b{number}"), record("a1")])
        assert place.run().kind == "published"


@pytest.mark.parametrize("data", NO_JSON)
def test_a_garbled_bundle(tiny_model_dir: Path, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(data)
    with pytest.raises(ModelError) as problem:
        Encoder.open(tmp_path)
    one_line(problem, f"{tmp_path}/manifest.json is not a manifest")
