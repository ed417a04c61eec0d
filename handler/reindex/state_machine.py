"""Encoding on many functions at once: Step Functions' Distributed Map calls one for each slice."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from handler.errors import OutOfTime
from handler.onnx_session import Device
from handler.reindex.encode import LocalEngine, Report
from handler.reindex.parts import Parts
from handler.reindex.slices import Slice

FEW = 16
"""Slices that one run encodes itself: some thousand documents, a few minutes on one CPU."""


class HandedOut(OutOfTime):
    """Other functions encode what is left; the last step of their state machine starts a run."""


@dataclass(frozen=True, kw_only=True)
class StateMachineEngine:
    """Encodes a few slices here, and has more than that encoded by a state machine.

    Attributes:
        local: encodes here.
        arn: ARN of the state machine, see EncodeMap in template.yaml.
        client: boto3's client of Step Functions.
        following: event of the run that goes on once all slices are encoded.
    """

    local: LocalEngine
    arn: str
    client: Callable[[], Any]
    following: Mapping[str, Any]

    @property
    def device(self) -> Device:
        """Functions have CPUs only."""
        return "cpu"

    def __call__(self, pieces: Iterator[Slice], parts: Parts, report: Report, /) -> None:
        """Encode, or hand out.

        Raises:
            HandedOut: other functions encode.
            OutOfTime: time is up.
            StoreError: the store fails.
        """
        first = [*islice(pieces, FEW + 1)]
        if len(first) <= FEW:
            self.local(iter(first), parts, report)
            return
        client = self.client()
        if client.list_executions(
            stateMachineArn=self.arn, statusFilter="RUNNING", maxResults=1
        ).get("executions"):
            raise HandedOut("other functions are still encoding for an earlier run")
        sizes = parts.hand_out(chain(first, pieces))
        what = {"slices": parts.workshop.slices_prefix, "following": dict(self.following)}
        client.start_execution(stateMachineArn=self.arn, input=json.dumps(what))
        raise HandedOut(
            f"{sum(sizes.values()):,} documents in {len(sizes):,} slices were handed out to other "
            "functions"
        )
