"""A real S3-compatible server on loopback for tests, and the environment that leads a client to it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class S3Server:
    """Address and process of a running server."""

    url: str
    process: "subprocess.Popen[bytes]"

    def create_bucket(self) -> str:
        """Create a bucket with a name of its own and return the name."""
        bucket = f"bucket-{uuid.uuid4().hex[:12]}"
        call("PUT", f"{self.url}/{bucket}")
        return bucket


def call(method: str, url: str, body: bytes | None = None, timeout: float = 30) -> bytes:
    """Send one request to loopback, past any proxy of the environment, and return the body of the answer."""
    request = urllib.request.Request(url, body, method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        request, timeout=timeout
    ) as answer:
        return bytes(answer.read())


def environment(url: str) -> dict[str, str]:
    """Return the variables that point an S3 client at the server with this URL, and at nothing else."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret-but-looked-for",
        "AWS_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def run_server(folder: Path, host: str = "127.0.0.1") -> Iterator[S3Server]:
    """Run a server with its data in memory; its log is written to `folder`."""
    port = free_port()
    own = {"GATEWAY_PORT": str(port), "BIND_HOST": host, "SERVICES": "s3", "TMPDIR": str(folder)}
    with (folder / "s3.log").open("wb") as log:
        process = subprocess.Popen(
            [_python(), "-m", "ministack"],
            env=os.environ | own,
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    try:
        url = f"http://{host}:{port}"
        server = S3Server(url, process)
        _wait_until_up(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _python() -> str:
    """Return a Python that has ministack: this one, or that of .venv, whose pins differ."""
    own = Path(__file__).parents[1] / ".venv/bin/python"
    return sys.executable if find_spec("ministack") or not own.exists() else str(own)


def _wait_until_up(server: S3Server, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while server.process.poll() is None and time.monotonic() < end:
        try:
            call("GET", f"{server.url}/_ministack/health", timeout=2)
        except OSError:
            time.sleep(0.05)
        else:
            address = f"{server.url}/{server.create_bucket()}/first"
            call("PUT", address, b"x")
            call("GET", address)  # the first is slow, which tests of time-outs would notice
            return
    raise RuntimeError(f"the S3 server did not start, exit code {server.process.poll()}")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Run one server for the whole session, or skip."""
    if find_spec("ministack") is None and _python() == sys.executable:
        pytest.skip("needs ministack, the S3-compatible server of the development requirements")
    folder = tmp_path_factory.mktemp("s3")
    try:
        with run_server(folder) as server:
            yield server
    except RuntimeError as error:
        pytest.skip(f"{error}: {(folder / 's3.log').read_text()[-500:]}")
