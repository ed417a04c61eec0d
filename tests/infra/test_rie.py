"""Finding the Lambda emulator, and fetching it with the real pip from a folder."""

import hashlib
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from handler.errors import QuerytowerError
from infra.emulation.program import fetch_program, program_member


def test_the_program_fits_the_machine() -> None:
    assert program_member("Linux", "aarch64").endswith("aws-lambda-rie-arm64")
    assert program_member("Linux", "x86_64").endswith("aws-lambda-rie-x86_64")
    with pytest.raises(QuerytowerError, match=r"this is Darwin; .* querytower serve"):
        program_member("Darwin", "arm64")
    with pytest.raises(QuerytowerError, match="CPU riscv64; use one of: arm64, x86_64"):
        program_member("Linux", "riscv64")


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel named like SAM's in a folder that pip takes for the whole package index."""
    path = tmp_path / "index/aws_sam_cli-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("samcli/local/rapid/tool", "#!/bin/sh\necho started\n")
        archive.writestr("samcli/unwanted.py", "")
        archive.writestr(
            "aws_sam_cli-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: aws-sam-cli\nVersion: 1.0\n",
        )
        archive.writestr(
            "aws_sam_cli-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("aws_sam_cli-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return path


def _pins(tmp_path: Path, sha256: str) -> Path:
    path = tmp_path / "tools.txt"
    path.write_text(
        f"attrs==1.0 \\\n    --hash=sha256:0\naws-sam-cli==1.0 \\\n    --hash=sha256:{sha256}\n    # via x\n"
    )
    return path


def test_only_the_program_is_taken_from_the_pinned_wheel_and_kept(
    wheel: Path, tmp_path: Path
) -> None:
    pins, cache = (
        _pins(tmp_path, hashlib.sha256(wheel.read_bytes()).hexdigest()),
        tmp_path / "cache",
    )
    program = fetch_program("samcli/local/rapid/tool", pins, cache)
    assert subprocess.run([program], capture_output=True, check=True).stdout == b"started\n"
    assert [path for path in cache.rglob("*") if path.is_file()] == [program]
    wheel.unlink()
    assert fetch_program("samcli/local/rapid/tool", pins, cache) == program


def test_a_wheel_with_another_checksum_is_refused(wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(
        QuerytowerError, match=r"can't fetch aws-sam-cli==1\.0.*DO NOT MATCH.*make tools"
    ):
        fetch_program("samcli/local/rapid/tool", _pins(tmp_path, "0" * 64), tmp_path / "cache")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_no_network_no_pin_and_no_room_are_explained(wheel: Path, tmp_path: Path) -> None:
    pins = _pins(tmp_path, hashlib.sha256(wheel.read_bytes()).hexdigest())
    with pytest.raises(QuerytowerError, match="does not contain absent; "):
        fetch_program("absent", pins, tmp_path / "cache")
    (tmp_path / "file").touch()
    with pytest.raises(
        QuerytowerError, match=r"can't keep the Lambda emulator in .*QUERYTOWER_EXPORT_CACHE"
    ):
        fetch_program("absent", pins, tmp_path / "file")
    wheel.unlink()
    with pytest.raises(QuerytowerError, match=r"can't fetch .*check the network"):
        fetch_program("absent", pins, tmp_path / "cache")
    with pytest.raises(QuerytowerError, match="does not pin aws-sam-cli; "):
        fetch_program("absent", tmp_path / "absent.txt", tmp_path / "cache")
