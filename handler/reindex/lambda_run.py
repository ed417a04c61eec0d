"""The reindex as a Lambda function runs it: settings instead of options, a limit of time, and nobody to ask."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import Any

from handler.corpus.records import FieldNames
from handler.corpus.sources import open_corpus
from handler.encoder import Encoder
from handler.errors import LeaseHeld, OutOfTime
from handler.log import log
from handler.quality.gates import Limits
from handler.reindex.job import Job, Outcome
from handler.reindex.pipeline import plan, reindex
from handler.settings import SettingError, Settings
from handler.storage.store import Store
from handler.versions.manage import prune
from handler.versions.repository import IndexRepository

# A run that is out of time starts the next one; this bounds how often, and with that what a mistake may cost.
MAX_CONTINUATIONS = 50
# What was uploaded while a run was at work is indexed by it too, as its own event found the lease taken.
ROUNDS = 3


def run(settings: Settings, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Reindex, and return what came of it; `event` may have force, full or dry_run, all else in it is ignored.

    Raises:
        QuerytowerError: the run failed; Lambda counts that as an error, which the alarm looks at.
    """
    log("reindex_started", trigger=_trigger(event), index=settings.index, corpus=settings.corpus)
    job = _job(settings, event, context)
    if event.get("dry_run"):
        return _planned(job)
    try:
        outcome = _rounds(job)
    except LeaseHeld as held:
        log("lease_held", problem=str(held))
        return {"outcome": "held"}
    except OutOfTime as problem:
        return _continue(event, context, problem)
    if outcome.kind == "published":
        log("pruned", versions=prune(job.repository, settings.keep_versions))
    return {"outcome": outcome.kind, "version": outcome.version}


def _rounds(job: Job) -> Outcome:
    """Reindex until there is nothing more to do, and return the last outcome that changed something.

    There is a second look in any case: an upload meanwhile has found the lease taken.
    """
    outcome = reindex(job)
    job = replace(job, full=False, force=False)
    with suppress(OutOfTime, LeaseHeld):  # what is left is for the next run
        for _ in range(ROUNDS - 1):
            if (following := reindex(job)).kind != "published":
                break
            outcome = following
    return outcome


def _job(settings: Settings, event: Mapping[str, Any], context: Any) -> Job:
    names = [name.strip() for name in settings.corpus_fields.split(",")]
    if len(names) != 4 or not all(names):
        raise SettingError(
            f"QUERYTOWER_CORPUS_FIELDS is {settings.corpus_fields!r}; "
            "give four names, as id,title,text,url"
        )
    if not settings.store:
        raise SettingError(
            "QUERYTOWER_STORE is not set; set it to the folder or URL that holds the indexes"
        )
    store = Store.open(settings.store, timeout=settings.store_timeout)
    return Job(
        corpus=open_corpus(settings.corpus),
        repository=IndexRepository(store, settings.index),
        encoder=Encoder.open(settings.model_folder, settings.threads),
        fields=FieldNames(*names),
        limits=Limits(
            max_rejects=settings.max_rejects / 100,
            max_drop=settings.max_drop / 100,
            min_self_retrieval=settings.min_self_retrieval,
            min_recall=settings.min_recall,
            max_ndcg_loss=settings.max_ndcg_loss,
        ),
        force=bool(event.get("force")),
        full=bool(event.get("full")),
        threads=settings.threads,
        remaining=lambda: context.get_remaining_time_in_millis() / 1000,
    )


def _continue(event: Mapping[str, Any], context: Any, problem: OutOfTime) -> dict[str, Any]:
    """Start the next run, which goes on where this one stopped."""
    number = int(event.get("continuation", 0)) + 1
    if number > MAX_CONTINUATIONS:
        raise OutOfTime(
            f"{problem}; this was run {number} in a row: give the function more memory or threads"
        )
    following = {key: event[key] for key in ("force", "full") if event.get(key)} | {
        "continuation": number
    }
    try:
        client = import_module("boto3").client(
            "lambda"
        )  # part of Lambda's runtime, not of this project
    except ImportError:
        log(
            "not_continued",
            problem=f"{problem}; without boto3 that is left to the next scheduled run",
        )
        return {"outcome": "out of time"}
    client.invoke(
        FunctionName=context.invoked_function_arn,
        InvocationType="Event",
        Payload=json.dumps(following),
    )
    log("continued", number=number, problem=str(problem))
    return {"outcome": "continued", "continuation": number}


def _planned(job: Job) -> dict[str, Any]:
    planned = plan(job)
    if isinstance(planned, Outcome):
        return {"outcome": planned.kind, "version": planned.version}
    changes = planned.changes
    counts = (
        {"added": changes.added, "changed": changes.changed, "removed": changes.removed}
        if changes
        else {}
    )
    return {
        "outcome": "planned",
        "documents": planned.documents,
        "rejected": planned.rejected,
        "encode": planned.encode,
        **{name: len(ids) for name, ids in counts.items()},
    }


def _trigger(event: Mapping[str, Any]) -> str:
    """Name what started the run, for the log."""
    if "continuation" in event:
        return f"run {event['continuation']} in a row"
    records = event.get("Records") or [{}]
    return str(event.get("source") or records[0].get("eventSource") or "by hand")
