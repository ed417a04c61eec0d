"""What the benchmarks time: the handler called with events, and the bare parts it is made of."""

import contextlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import numpy as np
from usearch.index import Index

from handler.encoder import Encoder
from handler.index.index_version import IndexVersion
from handler.index.word_query import word_query

EVENT = Path(__file__).parents[1] / "events" / "search.json"

Call = Callable[[str], object]


def handler_call(path: str = "/search", **fields: object) -> Call:
    """Return a function that sends a query to handler.main.http as an API Gateway event.

    `fields` are added to the body of each request.
    """
    from handler.main import http

    event = json.loads(EVENT.read_text(encoding="utf-8"))
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    context: Any = SimpleNamespace(aws_request_id="bench")

    def call(text: str) -> None:
        answer = http(event | {"body": json.dumps({"query": text, **fields})}, context)
        if answer["statusCode"] != 200:
            raise SystemExit(f"{text!r} was answered with {answer}")

    return call


def bare_parts(
    index: IndexVersion, encoder: Encoder, texts: Sequence[str], precision: str = "f16"
) -> dict[str, Call]:
    """Return two baselines by name: a model run and a USearch search, and those with Tantivy.

    The queries are tokenized before. Searches return 10 hits. The USearch index is made here, from
    the index's own vectors, with the library's defaults.

    Args:
        index: the index version whose vectors and text index are searched.
        encoder: the model.
        texts: all queries that the baselines will get.
        precision: "f16" or "i8", of the USearch index.
    """
    vectors = index.vectors.vectors(np.arange(index.manifest.passages))
    nearest = Index(ndim=encoder.dimension, metric="cos", dtype=precision)
    nearest.add(np.arange(len(vectors)), vectors)
    session: Any = encoder._session
    feeds = {text: _feed(encoder, text) for text in texts}
    words = {text: word_query(index.text, text).query for text in texts}

    def encode_and_search(text: str) -> None:
        nearest.search(session.run(None, feeds[text])[0][0], 10)

    def all_three(text: str) -> None:
        encode_and_search(text)
        if (query := words[text]) is not None:
            index.text.search(query, 10)

    return {
        "session.run + USearch": encode_and_search,
        "session.run + USearch + Tantivy": all_three,
    }


def time_in_turn(
    calls: Mapping[str, Call], texts: Sequence[str], rounds: int
) -> dict[str, list[float]]:
    """Return the seconds of each call for each text.

    The calls take turns for each text, and the first of `rounds` + 1 rounds isn't counted.
    """
    taken: dict[str, list[float]] = {name: [] for name in calls}
    with contextlib.redirect_stdout(io.StringIO()):
        for at in range(rounds + 1):
            for text in texts:
                for name, call in calls.items():
                    started = perf_counter()
                    call(text)
                    if at:
                        taken[name].append(perf_counter() - started)
    return taken


def _feed(encoder: Encoder, text: str) -> dict[str, Any]:
    tokens = np.array([encoder.tokenizer.encode(text).ids], encoder._type)
    return {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
