"""Figures of a log: requests, latency, errors, cold starts, cost."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from infra.prices import GB_SECOND, HTTP_API, LOGGED_BYTES, LOGS_GB, REQUESTS
from infra.status.logs import Event

SERVER_ERROR = 500


@dataclass(slots=True, kw_only=True)
class Traffic:
    """What the logs of a period say. Milliseconds and megabytes; None where nothing was logged."""

    requests: int = 0
    errors: int = 0
    cold_starts: int = 0
    restores: int = 0
    reindexed: int = 0
    reindex_failed: int = 0
    cache_full: int = 0
    calls: int = 0
    gb_seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    _latencies: list[float] = field(default_factory=list)
    _starts: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, events: Iterable[Event]) -> "Traffic":
        """Count the events of a log."""
        traffic = cls()
        for event in events:
            traffic.add(event)
        return traffic

    def add(self, event: Event) -> None:
        """Count one event."""
        match event["event"]:
            case "request":
                self._add_request(event)
            case "cold_start":
                self.cold_starts += 1
                self._starts.append(float(event.get("ColdStart") or 0.0))
            case "restored":
                self.restores += 1
            case "reindexed":
                self.reindexed += 1
            case "reindex_failed":
                self.reindex_failed += 1
                self._note(str(event.get("problem", "")))
            case "refresh_failed" | "warm_up_failed":
                self.cache_full += int(event.get("CacheFull") or 0)
                self._note(str(event.get("problem", "")))
            case "report":
                self.calls += 1
                self.gb_seconds += event["billed_ms"] / 1000 * event["memory_mb"] / 1024

    def _add_request(self, event: Event) -> None:
        self.requests += 1
        if isinstance(milliseconds := event.get("total_ms"), int | float):
            self._latencies.append(float(milliseconds))
        if int(event.get("status") or 0) >= SERVER_ERROR:
            self.errors += 1
            self._note(str(event.get("problem", "")).strip().rpartition("\n")[2])

    def _note(self, problem: str) -> None:
        if problem and problem not in self.problems:
            self.problems.append(problem)

    def percentile(self, share: float) -> float | None:
        """Return the latency that so many percent of the requests kept, or None without any."""
        return float(np.percentile(self._latencies, share)) if self._latencies else None

    @property
    def cold_start_ms(self) -> float | None:
        """Median duration of a cold start."""
        return float(np.median(self._starts)) if self._starts else None

    @property
    def dollars(self) -> float | None:
        """Cost of the calls in the log, or None where Lambda's reports are not in it.

        Compute, requests, the API and logs; not storage, snapshots and transfer. See infra/prices.
        """
        if not self.calls:
            return None
        each = (REQUESTS + HTTP_API) / 1e6 + LOGGED_BYTES / 1e9 * LOGS_GB
        return self.gb_seconds * GB_SECOND + self.calls * each
