"""Lambda entry points: reads the settings, composes the parts, and nothing else."""

# ruff: noqa: E402  (the clock starts before the imports that it times)
import time

STARTED = time.perf_counter()

import gc
import os
from collections.abc import Callable
from functools import cache
from typing import Any

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

from handler.api.app import create_app
from handler.errors import QuerytowerError
from handler.log import log, metric
from handler.search.search import Request
from handler.service import Service
from handler.settings import Settings

settings = Settings.from_mapping(os.environ)


@cache
def service() -> Service:
    """Return the one service of this process; a failure is not remembered."""
    return Service.open(settings)


def warm_up() -> None:
    """Load model and index and search once, so that the first caller need not wait for it; log what took how long."""
    stages: tuple[tuple[str, Callable[[], object]], ...] = (
        ("model", service),
        ("first_inference", lambda: service().encoder.encode(["warm up"], "query")),
        ("index", lambda: service().index()),
        ("first_search", lambda: service().searcher.search(service().index(), Request("warm up"))),
    )
    before = time.perf_counter()
    milliseconds = {"imports_ms": 1000 * (before - STARTED)}
    try:
        for name, stage in stages:
            stage()
            now = time.perf_counter()
            milliseconds[f"{name}_ms"], before = 1000 * (now - before), now
    except QuerytowerError as error:
        log("warm_up_failed", problem=str(error))
    # What lives as long as the process need not be walked by the collector again and again.
    gc.collect()
    gc.freeze()
    rounded = {name: round(value, 1) for name, value in milliseconds.items()}
    metric("cold_start", {"ColdStart": round(1000 * (before - STARTED), 1)}, "Milliseconds", **rounded)


def after_restore() -> None:
    """Renew connections and look for a newer index: both are as old as the snapshot, which may be days."""
    before = time.perf_counter()
    try:
        service().reconnect()
    except QuerytowerError as error:
        log("restore_failed", problem=str(error))
    metric("restored", {"Restore": round(1000 * (time.perf_counter() - before), 1)}, "Milliseconds")


# Lifespan off: Mangum would start and stop the application at every invocation.
http = Mangum(
    create_app(settings, service),
    lifespan="off",
    text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, "application/problem+json"],
)


def reindex(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Bring the index up to date with its corpus: on schedule, after an upload, or by hand."""
    from handler.reindex.unattended import run

    return run(settings, event, context)


if os.environ.get("_HANDLER", "").endswith(".http"):
    warm_up()
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        # Part of Lambda's managed runtime, not of this project's requirements.
        from snapshot_restore_py import register_after_restore

        register_after_restore(after_restore)
