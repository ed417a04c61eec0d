"""pip as a downloader of pinned wheels."""

import subprocess
import sys
from pathlib import Path

OPTIONS = (
    *("-q", "--disable-pip-version-check", "--retries", "2"),
    *("--no-deps", "--require-hashes", "--only-binary", ":all:"),
)


def download_wheels(pins: str, folder: Path, *options: str) -> str:
    """Download the wheels of hashed requirements into `folder` with more of pip's `options`.

    Returns:
        What pip complained about, or "" if it has downloaded all of them.
    """
    requirements = folder / "pins.txt"
    requirements.write_text(f"{pins}\n", "utf-8")
    command = [sys.executable, "-m", "pip", "download", *OPTIONS]
    command += ["-r", str(requirements), "-d", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr or f"exit code {done.returncode}"
