"""A watchdog: what an engine yields, with a warning when it falls silent, and an end to waiting."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from handler.errors import QuerytowerError

T = TypeVar("T")

SILENCE_SECONDS = 120.0
PATIENCE_SECONDS = 1800.0


class EngineFailed(QuerytowerError):
    """An engine could not make all parts; what it made is kept."""


@dataclass(frozen=True, slots=True)
class _Ended:
    error: BaseException | None


def watched(
    start: Callable[[], Iterator[T]],
    tell: Callable[..., None],
    silence: float = SILENCE_SECONDS,
    patience: float = PATIENCE_SECONDS,
) -> Iterator[T]:
    """Yield what the iterator yields that `start` returns, which runs in a thread.

    Args:
        start: starts the work.
        tell: is told "engine_silent" after each `silence` seconds without a result.
        silence: seconds.
        patience: seconds without a result after which waiting ends.

    Raises:
        EngineFailed: patience is over, or the work failed.
    """
    results: SimpleQueue[T | _Ended] = SimpleQueue()

    def work() -> None:
        try:
            for each in start():
                results.put(each)
            results.put(_Ended(None))
        except BaseException as error:
            results.put(_Ended(error))

    Thread(target=work, name="engine", daemon=True).start()
    waited = 0.0
    while True:
        try:
            found = results.get(timeout=silence)
        except Empty:
            waited += silence
            if waited >= patience:
                raise EngineFailed(
                    f"no slice was finished for {waited / 60:.0f} minutes; finished parts are kept: "
                    "look at the workers, and run again"
                ) from None
            tell("engine_silent", problem=f"no slice was finished for {waited:.0f} seconds")
            continue
        waited = 0.0
        if isinstance(found, _Ended):
            if found.error is None:
                return
            reason = str(found.error).strip() or type(found.error).__name__
            raise EngineFailed(
                f"the engine failed: {reason.splitlines()[-1]}; finished parts are kept: run again"
            ) from found.error
        yield found
