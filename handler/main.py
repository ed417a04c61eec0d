"""Lambda's entry points: read the settings and compose the parts, nothing else."""

# ruff: noqa: E402  (the clock starts before the imports that it times)
import time

STARTED = time.perf_counter()

import gc

# Imports leave no garbage, and the collector's search for it took an eighth of the start.
gc.disable()

import logging
import os
from functools import cache
from typing import Any

from handler.errors import QuerytowerError
from handler.log import log, metric
from handler.service import Service
from handler.settings import Settings
from handler.startup import import_fastapi
from handler.warm_up import WarmUp

# Lambda allows ten seconds for all hooks. The snapshot's index answers if the store takes longer.
RESTORE_SECONDS = 3.0

settings = Settings.from_mapping(os.environ)

# Mangum logs each request too. Lambda shows that where a function logs in JSON, as ours does.
logging.getLogger("mangum").setLevel(logging.WARNING)


@cache
def service() -> Service:
    """Return this process's service; after a failure, the next call tries again."""
    return Service.open(settings)


warm_up = WarmUp(service, STARTED) if os.environ.get("_HANDLER", "").endswith(".http") else None

import_fastapi()

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

from handler.app import create_app

# With lifespan on, Mangum would start and stop the application at every invocation.
http = Mangum(
    create_app(settings, service),
    lifespan="off",
    text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, "application/problem+json"],
)


def reindex(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Update the index from its corpus: on schedule, after an upload, or on request."""
    from handler.reindex.lambda_run import run

    return run(settings, event, context)


def after_restore() -> None:
    """Renew what is as old as the snapshot, which may be days: connections and the index."""
    before = time.perf_counter()
    try:
        service().reconnect(RESTORE_SECONDS)
    except QuerytowerError as error:
        log("restore_failed", problem=str(error))
    metric("restored", {"Restore": round(1000 * (time.perf_counter() - before), 1)}, "Milliseconds")


if warm_up:
    warm_up.finish()
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        # Part of Lambda's managed runtime, not of this project's requirements.
        from snapshot_restore_py import register_after_restore

        register_after_restore(after_restore)

# The collector skips everything that lives as long as the process.
gc.freeze()
gc.enable()
