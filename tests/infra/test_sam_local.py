"""The function in containers: built by SAM, run by `sam local`; and the image of infra/Dockerfile. Needs an engine."""

import json
import os
import platform
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from handler.encoder import Encoder
from handler.storage.store import Store
from handler.versions.repository import IndexRepository
from infra.emulation.processes import HOST, free_ports
from infra.emulation.program import find_program
from tests.library import index_corpus
from tests.s3 import environment, run_server

ROOT = Path(__file__).parents[2]
SAM = ROOT / ".venv-tools/bin/sam"
ARCH = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "x86_64")
IMAGE = f"public.ecr.aws/lambda/python:3.13-{ARCH}"
SEARCH = json.loads((ROOT / "infra/events/search.json").read_text("utf-8"))
START_SECONDS = 60.0


def _docker(*arguments: str | Path) -> str:
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture(scope="module", autouse=True)
def gateway() -> str:
    """Address at which containers reach this machine; skips where there is no engine or no image."""
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "version"], capture_output=True).returncode
    ):
        pytest.skip("there is no Docker engine here")
    if subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True).returncode:
        pytest.skip(f"the image is not here; fetch it: docker pull {IMAGE}")
    return _docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")


@pytest.fixture(scope="module")
def variables(
    gateway: str, tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Where an index of the sample corpus is: its store, and the server on this machine."""
    folder = tmp_path_factory.mktemp("s3")
    with run_server(folder, gateway) as server, pytest.MonkeyPatch.context() as patch:
        access = environment(server.url)
        for name, value in access.items():
            patch.setenv(name, value)
        bucket = f"s3://{server.create_bucket()}"
        store = Store.open(f"{bucket}/querytower")
        corpus, rejects = ROOT / "infra/demo/corpus.jsonl", folder / "rejects.jsonl"
        repository = IndexRepository(store, "default")
        index_corpus(corpus, rejects, repository, Encoder.open(tiny_model_dir))
        Store.open(f"{bucket}/corpus").put("books.jsonl", corpus)
        yield {"QUERYTOWER_STORE": store.url, "AWS_ENDPOINT_URL": access["AWS_ENDPOINT_URL"]}


def _sam_environment(folder: Path) -> dict[str, str]:
    """Without access to AWS, as a laptop may be; with credentials, SAM would ask AWS who they belong to."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "QUERYTOWER_STORE"))
    }
    return kept | {
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(folder),
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@pytest.fixture(scope="module")
def built(
    variables: dict[str, str], tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Folder of what `sam build` made, with the server's address in the template.

    The store itself comes from infra/local-env.json, as the documentation says.
    """
    if not SAM.exists():
        pytest.skip("SAM is not here; run: make tools")
    if subprocess.run(["make", "-q", ".venv/installed"], cwd=ROOT).returncode:
        pytest.skip(".venv is older than what it was made from; run: make install")
    folder = tmp_path_factory.mktemp("sam")
    own = {"ARCH": ARCH, "RUNTIME": "3.13", "MODEL": str(tiny_model_dir)}
    command: list[str | Path] = [SAM, "build", "--build-dir", folder]
    command += ["--parameter-overrides", f"Architecture={ARCH}"]
    done = subprocess.run(
        command, cwd=ROOT, env=_sam_environment(folder) | own, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    template = yaml.safe_load((folder / "template.yaml").read_text("utf-8"))
    template["Globals"]["Function"]["Environment"]["Variables"] |= {
        "AWS_ENDPOINT_URL": variables["AWS_ENDPOINT_URL"],
        "QUERYTOWER_MIN_SELF_RETRIEVAL": "0",  # the model is a random one
    }
    (folder / "template.yaml").write_text(json.dumps(template), "utf-8")
    bucket = variables["QUERYTOWER_STORE"].split("/")[2]
    shipped = (ROOT / "infra/local-env.json").read_text("utf-8")
    (folder / "local-env.json").write_text(shipped.replace("BUCKET", bucket), "utf-8")
    return folder


def _local(built: Path, *arguments: str | Path) -> list[str | Path]:
    command = [SAM, "local", *arguments, "--template", built / "template.yaml"]
    command += ["--env-vars", built / "local-env.json", "--skip-pull-image"]
    return [*command, "--parameter-overrides", f"Architecture={ARCH}"]


def test_sam_build_uses_the_packager(built: Path) -> None:
    assert (built / "SearchFunction/model/encoder.onnx").is_file()
    assert not (built / "SearchFunction/onnxruntime/tools").exists()


def test_sam_local_invoke_answers_a_search(built: Path, tmp_path: Path) -> None:
    command = _local(
        built, "invoke", "SearchFunction", "--event", ROOT / "infra/events/search.json"
    )
    done = subprocess.run(command, env=_sam_environment(tmp_path), capture_output=True, text=True)
    answer = json.loads(
        done.stdout.strip().splitlines()[-1]
    )  # SAM's exit code tells nothing of the function
    assert answer["statusCode"] == 200, done.stderr
    assert len(json.loads(answer["body"])["hits"]) == 5


def test_sam_local_start_api_serves_http(built: Path, tmp_path: Path) -> None:
    port = free_ports()[0]
    command = _local(
        built, "start-api", "--host", HOST, "--port", str(port), "--warm-containers", "EAGER"
    )
    with _running(command, _sam_environment(tmp_path), tmp_path / "log"):
        assert _ask(f"http://{HOST}:{port}/health") == {"status": "ok"}
        answer = _ask(f"http://{HOST}:{port}/search", SEARCH["body"].encode())
    assert len(answer["hits"]) == 5


def test_sam_local_invoke_reindexes(built: Path, variables: dict[str, str], tmp_path: Path) -> None:
    store = Store.open(variables["QUERYTOWER_STORE"])
    before, _ = IndexRepository(store, "default").pointer()
    by_hand, outcomes = tmp_path / "event.json", []
    by_hand.write_text('{"full": true}')
    for event in (by_hand, ROOT / "infra/events/scheduler.json"):
        command = _local(built, "invoke", "ReindexFunction", "--event", event)
        done = subprocess.run(
            command, env=_sam_environment(tmp_path), capture_output=True, text=True
        )
        outcomes.append(json.loads(done.stdout.strip().splitlines()[-1]))
    assert [outcome["outcome"] for outcome in outcomes] == ["published", "unchanged"], done.stderr
    assert (
        before.version
        != IndexRepository(store, "default").pointer()[0].version
        == outcomes[0]["version"]
    )


def test_the_container_image_answers_a_search(built: Path, variables: dict[str, str]) -> None:
    tag = "querytower-test"
    tags = ["--build-arg", f"PYTHON={IMAGE.rpartition(':')[2]}", "--tag", tag]
    _docker(
        "build", "--quiet", *tags, "--file", ROOT / "infra/Dockerfile", built / "SearchFunction"
    )
    (handler,) = json.loads(_docker("image", "inspect", tag, "--format", "{{json .Config.Cmd}}"))
    settings = [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    settings += [
        "--env",
        f"_HANDLER={handler}",
        "--env",
        "AWS_ACCESS_KEY_ID=any",
        "--env",
        "AWS_SECRET_ACCESS_KEY=any",
    ]
    mounts = [
        "--volume",
        f"{find_program()}:/rie:ro",
        "--entrypoint",
        "/rie",
        "--publish",
        f"{HOST}::8080",
    ]
    container = _docker(
        "run", "--detach", "--memory", "1g", *settings, *mounts, tag, "/var/runtime/bootstrap"
    )
    try:
        address = _docker("port", container, "8080/tcp")
        answer = _ask(
            f"http://{address}/2015-03-31/functions/function/invocations",
            json.dumps(SEARCH).encode(),
        )
        assert answer["statusCode"] == 200, _docker("logs", container)
        assert len(json.loads(answer["body"])["hits"]) == 5
    finally:
        _docker("rm", "--force", container)
        _docker("image", "rm", tag)


@contextmanager
def _running(command: list[str | Path], variables: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=variables, stdout=file, stderr=file)
    try:
        yield
    except OSError as error:
        raise AssertionError(log.read_text("utf-8")) from error
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS)


def _ask(url: str, body: bytes | None = None) -> Any:
    """Send a request, again and again until the server has started."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    limit = time.monotonic() + START_SECONDS
    while True:
        try:
            with opener.open(request, timeout=START_SECONDS) as answer:
                return json.load(answer)
        except OSError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.2)
