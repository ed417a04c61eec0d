"""The search function's start: while Python imports the web framework, a thread loads what answers need."""

import time
from collections.abc import Callable
from threading import Thread
from typing import TypeVar

from handler.errors import QuerytowerError
from handler.log import log, metric
from handler.search.answer import SearchRequest
from handler.service import Service

T = TypeVar("T")


class WarmUp:
    """Loads model and index and searches once, beside whatever goes on until `finish`.

    Imports keep Python busy, and loading mostly doesn't: with both at once, the first answer came after 332
    instead of 516 ms (infra/bench/coldstart.py), and where there is one CPU only, nothing is lost.
    """

    def __init__(self, service: Callable[[], Service], since: float) -> None:
        """Begin; `since` is when the process did, by time.perf_counter."""
        self._service = service
        self._since = since
        self._stages = {"imports": time.perf_counter() - since}
        self._thread = Thread(target=self._run, name="warm-up", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait until it is done, and log how many milliseconds each stage took; those of the thread overlap `app`."""
        self._stages["app"] = time.perf_counter() - self._since - self._stages["imports"]
        self._thread.join()
        total = time.perf_counter() - self._since
        stages = {f"{name}_ms": round(1000 * seconds, 1) for name, seconds in self._stages.items()}
        metric("cold_start", {"ColdStart": round(1000 * total, 1)}, "Milliseconds", **stages)

    def _run(self) -> None:
        try:
            service = self._stage("model", self._service)
            self._stage("first_inference", lambda: service.encoder.encode(["warm up"], "query"))
            index = self._stage("index_fetch", service.index)
            opening = service.live().opening_seconds
            self._stages |= {
                "index_fetch": self._stages["index_fetch"] - opening,
                "index_open": opening,
            }
            self._stage(
                "first_search", lambda: service.searcher.search(index, SearchRequest("warm up"))
            )
        except QuerytowerError as error:
            log("warm_up_failed", problem=str(error))

    def _stage(self, name: str, action: Callable[[], T]) -> T:
        before = time.perf_counter()
        result = action()
        self._stages[name] = time.perf_counter() - before
        return result
