"""Cold start of a whole process, against a script with the same imports and loads.

python -m infra.bench.process --store build/demo/store --model build/demo/model

Both are timed from exec to exit. For the package in Lambda's emulator see infra/bench/coldstart.py.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from handler.versions.repository import IndexRepository
from infra.bench.report import Timing, show
from infra.bench.start import DEMO_MODEL, DEMO_STORE, ModelFolder, StoreUrl, start

PROJECT = Path(__file__).parents[2]

# The least that a function of these parts does: import and load them, encode once, search once.
FLOOR = """
import json, sys
import numpy, onnxruntime, tokenizers, numkong, tantivy, obstore, fastapi, mangum
model, version, query = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
providers = ["CPUExecutionProvider"]
session = onnxruntime.InferenceSession(f"{model}/encoder.onnx", options, providers=providers)
tokenizer = tokenizers.Tokenizer.from_file(f"{model}/tokenizer.json")
text = tantivy.Index.open(f"{version}/text").searcher()
manifest = json.load(open(f"{version}/manifest.json"))
codes = numpy.fromfile(f"{version}/segments/0/vectors.bin", numpy.int8).reshape(-1, manifest["dimension"])
ids = numpy.array([tokenizer.encode(query).ids], numpy.int32)
vector = session.run(None, {"input_ids": ids, "attention_mask": numpy.ones_like(ids)})[0]
codes_of_query = numpy.rint(vector * 127).astype(numpy.int8)
dots = numpy.asarray(numkong.cdist(codes_of_query, codes, metric="dot"))[0]
print(numpy.argsort(-dots)[:3])
"""

QUERY = "a quiet book about grief"

HANDLER = """
import json, sys
from types import SimpleNamespace
from handler.main import http
event = json.load(open(sys.argv[1]))
answer = http(event, SimpleNamespace(aws_request_id="bench"))
assert answer["statusCode"] == 200, answer
"""


def main(
    store: StoreUrl = DEMO_STORE,
    model: ModelFolder = DEMO_MODEL,
    times: Annotated[int, typer.Option(help="Processes of each kind.", min=1)] = 15,
) -> None:
    """Start processes of both kinds in turn; the first of each only warms caches."""
    repository = IndexRepository.open(store)
    if repository.store.local is None:
        raise typer.BadParameter(f"{store} is not a folder; this measures a process, not a network")
    pointer, _ = repository.pointer()
    stored = next(each for each in repository.versions() if each.name == pointer.version)
    folder = tempfile.TemporaryDirectory()
    stored.open(Path(folder.name))
    version = Path(folder.name) / pointer.version
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        "PYTHONPATH": str(PROJECT),
        "QUERYTOWER_STORE": str(repository.store.local),
        "QUERYTOWER_MODEL": str(model.absolute()),
        "_HANDLER": "handler.main.http",
    }
    commands = {
        "same imports and loads": ["-c", FLOOR, str(model.absolute()), str(version), QUERY],
        "handler.main.http": ["-c", HANDLER, str(PROJECT / "infra" / "events" / "search.json")],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for at in range(times + 1):
        for name, arguments in commands.items():
            seconds = _run([sys.executable, *arguments], environment)
            if at:
                taken[name].append(seconds)
    floor, handler = (Timing.of(taken[name]) for name in commands)
    rows = [
        ("same imports and loads", floor, None),
        ("handler.main.http, first answer", handler, floor),
    ]
    show(f"cold process, {times} of each", rows)
    print(f"median: {statistics.median(taken['handler.main.http']):.2f} s from exec to exit")


def _run(command: list[str], environment: dict[str, str]) -> float:
    started = perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, cwd="/")
    return perf_counter() - started


if __name__ == "__main__":
    start(main)
