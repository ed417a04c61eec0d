"""Threads that answer requests, so that a server can hear others meanwhile."""

import os
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from anyio import CapacityLimiter, to_thread

Endpoint = Callable[..., Any]

SEARCHES = 16


class Workers:
    """Runs the functions of routes in threads, or where they are called.

    Lambda sends a process one request at a time, and a thread takes longer than the rest of the
    framework. There, functions run where they are called.
    """

    def __init__(self, *, threads: bool) -> None:
        """Prepare; with `threads`, each function runs in one."""
        self._threads = threads
        self._searches = CapacityLimiter(SEARCHES)
        # Requests that take long wait for each other, and leave a CPU to short ones.
        self._long = CapacityLimiter(max(1, (os.cpu_count() or 1) - 1))

    def run(self, endpoint: Endpoint, *, long: bool = False) -> Endpoint:
        """Return `endpoint` as a coroutine function; `long` marks requests that take long."""
        limiter = self._long if long else self._searches

        @wraps(endpoint)
        async def inline(*args: Any, **options: Any) -> Any:
            return endpoint(*args, **options)

        @wraps(endpoint)
        async def in_thread(*args: Any, **options: Any) -> Any:
            return await to_thread.run_sync(partial(endpoint, *args, **options), limiter=limiter)

        return in_thread if self._threads else inline
