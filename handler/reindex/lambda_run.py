"""The reindex as a Lambda function runs it: options come from settings, and time is limited."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import Any

from handler.corpus.sources import open_corpus
from handler.encoder import Encoder
from handler.errors import LeaseHeld, OutOfTime
from handler.log import log
from handler.quality.gates import Limits
from handler.reindex.build_options import changed_options
from handler.reindex.encode import Engine, LocalEngine
from handler.reindex.job import Outcome, ReindexJob, read_options
from handler.reindex.pipeline import preview, reindex
from handler.reindex.state_machine import HandedOut, StateMachineEngine
from handler.settings import Settings
from handler.storage.configured import open_store
from handler.urls import shown_url
from handler.versions.prune import prune
from handler.versions.repository import IndexRepository

MAX_CONTINUATIONS = 50
"""Runs in a row that may start each other when time is up, which bounds the cost of a mistake."""
ROUNDS = 3
"""Runs of one invocation: an upload during a run finds the lease taken, so the run looks again."""


def run(settings: Settings, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Reindex, and return the outcome.

    Args:
        settings: settings of the function.
        event: force, full and dry_run are read from it, or encode, the key of a slice to encode;
            everything else is ignored.
        context: Lambda's context of the invocation.

    Raises:
        QuerytowerError: the run failed; Lambda counts that as an error, which raises the alarm.
    """
    corpus = shown_url(settings.corpus)
    if "encode" in event:
        from handler.reindex.lambda_worker import encode

        return encode(settings, event)
    log("reindex_started", trigger=_trigger(event), index=settings.index, corpus=corpus)
    job = _job(settings, event, context)
    if event.get("dry_run"):
        return _preview(job)
    try:
        outcome = _rounds(job)
    except LeaseHeld as held:
        log("lease_held", problem=str(held))
        return {"outcome": "held"}
    except HandedOut as handed_out:
        log("handed_out", problem=str(handed_out))
        return {"outcome": "handed out"}
    except OutOfTime as problem:
        return _continue(event, context, problem)
    if outcome.kind == "published":
        log("pruned", versions=prune(job.repository, settings.keep_versions))
    return {"outcome": outcome.kind, "version": outcome.version}


def _rounds(job: ReindexJob) -> Outcome:
    """Reindex until nothing is left to do, and return the last outcome that changed something."""
    outcome = reindex(job)
    job = replace(job, full=False, force=False)
    with suppress(OutOfTime, LeaseHeld):  # the next run does what is left
        for _ in range(ROUNDS - 1):
            if (following := reindex(job)).kind != "published":
                break
            outcome = following
    return outcome


def _job(settings: Settings, event: Mapping[str, Any], context: Any) -> ReindexJob:
    limits = Limits(
        max_rejects=settings.max_rejects / 100,
        max_drop=settings.max_drop / 100,
        min_self_retrieval=settings.min_self_retrieval,
        min_recall=settings.min_recall,
        max_ndcg_loss=settings.max_ndcg_loss,
    )
    encoder = Encoder.open(settings.model_folder, settings.threads)

    def remaining() -> float:
        return float(context.get_remaining_time_in_millis() / 1000)

    return ReindexJob(
        reading=read_options(settings),
        corpus=open_corpus(settings.corpus, settings),
        repository=IndexRepository(open_store(settings), settings.index),
        encoder=encoder,
        engine=_engine(settings, event, LocalEngine(encoder, remaining)),
        options=lambda current: changed_options(
            current, settings.passages, -1, "", settings.language
        ),
        limits=limits,
        force=bool(event.get("force")),
        full=bool(event.get("full")),
        remaining=remaining,
    )


def _engine(settings: Settings, event: Mapping[str, Any], local: LocalEngine) -> Engine:
    if not settings.encoders:
        return local
    return StateMachineEngine(
        local=local,
        arn=settings.encoders,
        client=lambda: import_module("boto3").client("stepfunctions"),
        following=_following(event, int(event.get("continuation", 0)) + 1),
    )


def _following(event: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return the event of the run after this one."""
    kept = {key: event[key] for key in ("force", "full") if event.get(key)}
    return {**kept, "continuation": number}


def _continue(event: Mapping[str, Any], context: Any, problem: OutOfTime) -> dict[str, Any]:
    """Start the next run, which continues where this one stopped."""
    number = int(event.get("continuation", 0)) + 1
    if number > MAX_CONTINUATIONS:
        raise OutOfTime(
            f"{problem}; this was run {number} in a row: give the function more memory or threads"
        )
    try:
        # boto3 is part of Lambda's runtime, not of this project.
        client = import_module("boto3").client("lambda")
    except ImportError:
        reason = f"{problem}; without boto3, the next scheduled run continues"
        log("not_continued", problem=reason)
        return {"outcome": "out of time"}
    client.invoke(
        FunctionName=context.invoked_function_arn,
        InvocationType="Event",
        Payload=json.dumps(_following(event, number)),
    )
    log("continued", number=number, problem=str(problem))
    return {"outcome": "continued", "continuation": number}


def _preview(job: ReindexJob) -> dict[str, Any]:
    found = preview(job)
    if isinstance(found, Outcome):
        return {"outcome": found.kind, "version": found.version}
    answer = {
        "outcome": "planned",
        "documents": found.documents,
        "rejected": found.rejected,
        "encode": found.encode,
    }
    if found.changes:
        answer["added"] = len(found.changes.added)
        answer["changed"] = len(found.changes.changed)
        answer["removed"] = len(found.changes.removed)
    return answer


def _trigger(event: Mapping[str, Any]) -> str:
    """Return what started the run, for the log."""
    if "continuation" in event:
        return f"run {event['continuation']} in a row"
    records = event.get("Records") or [{}]
    return str(event.get("source") or records[0].get("eventSource") or "by hand")
