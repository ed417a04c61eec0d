"""The start of the search function: a thread loads model and index while Python imports."""

import time
from collections.abc import Callable
from threading import Thread
from typing import TypeVar

from handler.errors import QuerytowerError
from handler.log import log, metric
from handler.search.request import SearchRequest
from handler.service import Service

T = TypeVar("T")


class WarmUp:
    """Loads model and index and searches once, in a thread, until `finish`.

    Imports keep Python busy, and loading mostly doesn't. With both at once, the first answer came
    after 332 instead of 516 ms (infra/bench/coldstart.py). With one CPU, nothing is lost.
    """

    def __init__(self, service: Callable[[], Service], since: float) -> None:
        """Start the thread; `since` is the start of the process, by time.perf_counter."""
        self._service = service
        self._since = since
        self._fetched: dict[str, float] = {}
        self._stages = {"imports": time.perf_counter() - since}
        self._thread = Thread(target=self._run, name="warm-up", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait for the thread, and log the milliseconds that each stage took.

        The stages of the thread overlap `app`, the import of the web framework.
        """
        self._stages["app"] = time.perf_counter() - self._since - self._stages["imports"]
        self._thread.join()
        total = time.perf_counter() - self._since
        stages = {f"{name}_ms": round(1000 * seconds, 1) for name, seconds in self._stages.items()}
        fetched = {f"fetched_{name}": value for name, value in self._fetched.items()}
        metric(
            "cold_start", {"ColdStart": round(1000 * total, 1)}, "Milliseconds", **stages, **fetched
        )

    def _run(self) -> None:
        try:
            service = self._stage("model", self._service)
            self._stage("first_inference", lambda: service.encoder.encode(["warm up"], "query"))
            index = self._stage("index_fetch", service.index)
            live = service.live()
            opening = live.opening_seconds
            self._stages |= {
                "index_fetch": self._stages["index_fetch"] - opening,
                "index_open": opening,
            }
            request = SearchRequest(query="warm up")
            self._stage("first_search", lambda: service.searcher.search(index, request))
            self._fetched = live.traffic.shown()
        except QuerytowerError as error:
            log("warm_up_failed", problem=str(error))

    def _stage(self, name: str, action: Callable[[], T]) -> T:
        before = time.perf_counter()
        result = action()
        self._stages[name] = time.perf_counter() - before
        return result
