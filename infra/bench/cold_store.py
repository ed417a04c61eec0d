"""First answer of a new process with an empty cache, from object storage as slow as a function's.

python -m infra.bench.cold_store VERSION --model build/demo/model

VERSION is the folder of a version, as `build_version` makes it. It is uploaded to a real
S3-compatible server (ministack) on loopback. Between that and the process stands a proxy of ours:
80 MB/s for all connections, 30 ms to the first byte of each answer. Bytes and requests are all that
went over the proxy until the answer was there. Functions that fetch the whole version before their first
answer take turns with those that fetch what they need.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from handler.errors import QuerytowerError
from handler.index.manifest import IndexFiles, IndexManifest
from handler.versions.repository import IndexRepository
from infra.bench.start import DEMO_MODEL, ModelFolder, start

PROJECT = Path(__file__).parents[2]
EVENT = PROJECT / "infra" / "events" / "search.json"
SECONDS = 60
WHOLE_BYTES = {"in parts": "20000000", "whole": "1000000000000"}

FUNCTION = """
import json, sys
from types import SimpleNamespace
from handler.main import http
answer = http(json.load(open(sys.argv[1])), SimpleNamespace(aws_request_id="bench"))
assert answer["statusCode"] == 200 and json.loads(answer["body"])["hits"], answer
print("answered", flush=True)
"""


def main(
    version: Annotated[Path, typer.Argument(help="Folder of a version.")],
    model: ModelFolder = DEMO_MODEL,
    times: Annotated[int, typer.Option(help="New processes.", min=1)] = 5,
    megabytes: Annotated[float, typer.Option(help="MB/s for all connections.")] = 80,
    first_byte: Annotated[float, typer.Option(help="Milliseconds to the first byte.")] = 30,
) -> None:
    """Start new processes in turn; the first only warms the disk caches of the code."""
    manifest = IndexManifest.parse((version / IndexFiles.MANIFEST).read_bytes(), str(version))
    with tempfile.TemporaryDirectory() as scratch, _server(Path(scratch)) as server:
        os.environ |= _environment(server)
        urllib.request.urlopen(urllib.request.Request(f"{server}/bench", method="PUT")).close()  # noqa: S310
        repository = IndexRepository.open("s3://bench/store", timeout=60)
        repository.upload(version, manifest)
        repository.publish(manifest.version, None)
        with _proxy(server, megabytes, first_byte) as proxy:
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in WHOLE_BYTES}
            for at in range(times + 1):
                for name, each in runs.items():
                    each.append(_first_answer(proxy, model, Path(scratch) / f"{name} {at}", name))
    _show(manifest, {name: each[1:] for name, each in runs.items()})


def _first_answer(
    proxy: "subprocess.Popen[str]", model: Path, cache: Path, how: str
) -> dict[str, float]:
    """Return the milliseconds of a new process up to its first answer, and what it fetched."""
    environment = (
        os.environ
        | _environment(f"http://127.0.0.1:{_port_of(proxy)}")
        | {
            "PYTHONPATH": str(PROJECT),
            "QUERYTOWER_STORE": "s3://bench/store",
            "QUERYTOWER_MODEL": str(model.absolute()),
            "QUERYTOWER_CACHE": str(cache),
            "QUERYTOWER_WHOLE_BYTES": WHOLE_BYTES[how],
            "_HANDLER": "handler.main.http",
        }
    )
    before = _counts(proxy)
    command = [sys.executable, "-c", FUNCTION, str(EVENT)]
    started, stages = time.perf_counter(), None
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, text=True) as function:
        for line in function.stdout or ():
            if line == "answered\n":
                break
            event = json.loads(line)
            stages = event if event["event"] == "cold_start" else stages
        seconds = time.perf_counter() - started
        after = _counts(proxy)
        function.kill()
    if stages is None:
        raise QuerytowerError("the function failed; its error is above")
    return {
        "first answer ms": 1000 * seconds,
        "fetched MB": (after["bytes"] - before["bytes"]) / 1e6,
        "requests": after["requests"] - before["requests"],
        "imports ms": stages["imports_ms"] + stages["app_ms"],
        "model ms": stages["model_ms"] + stages["first_inference_ms"],
        "fetching ms": stages["index_fetch_ms"],
        "opening ms": stages["index_open_ms"],
        "first search ms": stages["first_search_ms"],
    }


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """Run ministack and yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "SERVICES": "s3"}
    with (folder / "s3.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=os.environ | own, stdout=log, stderr=log
        )
    try:
        limit = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > limit:
                    raise QuerytowerError(
                        "ministack does not start; install the development requirements"
                    ) from None
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@contextmanager
def _proxy(server: str, megabytes: float, first_byte: float) -> "Iterator[subprocess.Popen[str]]":
    """Run the proxy in a process of its own."""
    command = [sys.executable, "-m", "infra.bench.shaping", server]
    command += [str(megabytes * 1e6), str(first_byte / 1000)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=PROJECT) as process:
        try:
            yield process
        finally:
            process.kill()


def _port_of(proxy: "subprocess.Popen[str]") -> int:
    return int(_counts(proxy)["port"])


def _counts(proxy: "subprocess.Popen[str]") -> dict[str, float]:
    assert proxy.stdin and proxy.stdout  # noqa: S101, PT018
    proxy.stdin.write("\n")
    proxy.stdin.flush()
    found: dict[str, float] = json.loads(proxy.stdout.readline())
    return found


def _environment(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }


def _show(manifest: IndexManifest, runs: dict[str, list[dict[str, float]]]) -> None:
    size = sum(each.bytes for each in manifest.files.values()) / 1e6
    parts, whole = runs.values()
    title = f"{manifest.documents:,} documents, {size:,.0f} MB; {len(parts)} new processes of each"
    table = Table("median", *runs, "ratio", title=title, title_justify="left")
    for name in parts[0]:
        one, other = (statistics.median(run[name] for run in each) for each in (parts, whole))
        table.add_row(name, f"{one:,.1f}", f"{other:,.1f}", f"{one / other:.2f}")
    Console().print(table)


if __name__ == "__main__":
    start(main)
