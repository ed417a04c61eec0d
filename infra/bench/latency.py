"""Warm latency of the function, against a bare model run and a bare vector search.

python -m infra.bench.latency --store build/demo/store --model build/demo/model
"""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from infra.bench.calls import bare_parts, handler_call, time_in_turn
from infra.bench.report import Timing, show
from infra.bench.start import DEMO_MODEL, DEMO_STORE, ModelFolder, StoreUrl, start

QUERIES = Path(__file__).parents[1] / "demo" / "queries.jsonl"


def main(
    store: StoreUrl = DEMO_STORE,
    model: ModelFolder = DEMO_MODEL,
    queries: Annotated[Path, typer.Option(help="JSONL with the queries, as in BEIR.")] = QUERIES,
    rounds: Annotated[int, typer.Option(help="How often each query is asked.", min=1)] = 10,
) -> None:
    """Send each query to the baselines and the handler in turn, in one process, without caches."""
    os.environ |= {
        "QUERYTOWER_STORE": store,
        "QUERYTOWER_MODEL": str(model.absolute()),
        "QUERYTOWER_CACHED_QUERIES": "0",
        "QUERYTOWER_POLL_SECONDS": "3600",
        "_HANDLER": "handler.main.http",
    }
    from handler.index.index_version import IndexVersion
    from handler.main import service

    texts = [json.loads(line)["text"] for line in queries.read_text(encoding="utf-8").splitlines()]
    index = service().live().current()
    assert isinstance(index, IndexVersion)  # noqa: S101
    floors = bare_parts(index, service().encoder, texts)
    floor, with_words = floors
    baselines = {
        "semantic, API Gateway event": floor,
        "hybrid, API Gateway event": with_words,
        "hybrid, with highlights": with_words,
    }
    calls = floors | {
        "semantic, API Gateway event": handler_call(mode="semantic"),
        "hybrid, API Gateway event": handler_call(),
        "hybrid, with highlights": handler_call(highlight=True),
    }
    timings = {
        name: Timing.of(seconds) for name, seconds in time_in_turn(calls, texts, rounds).items()
    }
    rows = [(n, t, timings[baselines[n]] if n in baselines else None) for n, t in timings.items()]
    show(f"{len(texts)} queries × {rounds}, 10 hits", rows)


if __name__ == "__main__":
    start(main)
