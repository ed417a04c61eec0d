"""The lease: one holder at a time, whatever dies and whatever clocks say."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from handler.errors import LeaseHeld, LostRace, StoreError
from handler.storage.store import Store
from handler.versions.lease import Holder, Lease, LeaseConfig
from handler.versions.repository import IndexRepository
from tests.proxy import Fault, Proxy
from tests.s3 import S3Server, environment
from tests.stored_paths import PATHS

PATH = PATHS.lease


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path))


def at(seconds: float) -> Callable[[], float]:
    """Return a clock that is `seconds` ahead."""
    return lambda: time.time() + seconds


def take(store: Store, holder: str, config: LeaseConfig | None = None) -> Lease:
    return Lease.take(IndexRepository(store, "default"), holder=holder, config=config)


def test_the_second_is_told_who_holds_it_and_until_when(store: Store) -> None:
    with take(store, "the first"), pytest.raises(LeaseHeld) as caught:
        take(store, "the second")
    assert "the first has been working on index 'default' in" in str(caught.value)
    assert "since 20" in str(caught.value)
    assert "until 20" in str(caught.value)


def test_it_is_free_again_afterwards_even_after_a_failure(store: Store) -> None:
    with pytest.raises(RuntimeError), take(store, "the first"):
        raise RuntimeError
    with take(store, "the second"):
        assert Holder.parse(store.get(PATH)[0]).holder == "the second"


def test_indexes_have_leases_of_their_own(store: Store) -> None:
    with Lease.take(IndexRepository(store, "one")), Lease.take(IndexRepository(store, "other")):
        pass


def test_a_dead_holders_lease_expires_but_not_within_the_skew_of_clocks(store: Store) -> None:
    take(store, "the dead")  # never renewed, never released
    with pytest.raises(LeaseHeld):
        take(store, "the living", LeaseConfig(clock=at(89)))
    with take(store, "the living", LeaseConfig(clock=at(91))):
        pass


def test_a_holder_that_lives_keeps_it_by_renewing(store: Store) -> None:
    config = LeaseConfig(seconds=0.3, skew=0.0)
    with take(store, "the first", config):
        etags = set()
        end = time.monotonic() + 1
        while time.monotonic() < end:
            etags.add(store.get(PATH)[1])
            time.sleep(0.02)
    assert len(etags) >= 3


def test_a_clock_that_is_behind_does_not_take_it_away(store: Store) -> None:
    with take(store, "the first"), pytest.raises(LeaseHeld):
        take(store, "slow clock", LeaseConfig(clock=at(-20)))


@pytest.mark.parametrize("ahead", [-86_400, 86_400])
def test_where_clocks_are_a_day_apart_watching_decides(store: Store, ahead: float) -> None:
    fast = LeaseConfig(seconds=0.5, skew=0.1, clock=at(max(ahead, 0)))
    slow = LeaseConfig(seconds=0.5, skew=0.1, clock=at(min(ahead, 0)))
    with take(store, "alive, fast clock", fast), pytest.raises(LeaseHeld, match="alive"):
        take(store, "slow clock", slow)
    take(store, "dead, fast clock", fast)
    with take(store, "slow clock", slow):
        assert Holder.parse(store.get(PATH)[0]).holder == "slow clock"


def test_who_lost_it_to_a_fast_clock_finds_out_before_publishing(store: Store) -> None:
    with (
        take(store, "the first") as first,
        take(store, "fast clock", LeaseConfig(clock=at(3600))) as second,
    ):
        with pytest.raises(
            LostRace, match=r"another run took the lease of index 'default'.*nothing was published"
        ):
            first.check()
        second.check()
    assert Holder.parse(store.get(PATH)[0]).expires == 0


def test_of_many_racing_for_a_free_and_for_a_dead_lease_one_gets_it(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(s3_server.url).items():
        monkeypatch.setenv(name, value)
    store = Store.open(f"s3://{s3_server.create_bucket()}")
    for clock in (at(0), at(200)):
        winners, losers = [], []
        barrier = threading.Barrier(8)

        def race(
            number: int, clock: Callable[[], float] = clock, barrier: threading.Barrier = barrier
        ) -> None:
            barrier.wait()
            try:
                take(store, f"racer {number}", LeaseConfig(clock=clock))
                winners.append(number)  # noqa: B023
            except LeaseHeld:
                losers.append(number)  # noqa: B023

        threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(winners), len(losers)) == (1, 7)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"holder": 1, "since": 2, "expires": "soon"}']
)
def test_a_lease_that_cant_be_read_is_nobodys(store: Store, content: bytes) -> None:
    store.put(PATH, content)
    with take(store, "anybody"):
        pass


def test_a_renewal_whose_answer_got_lost_is_not_taken_for_a_rival(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(s3_server.url) as proxy:
        for name, value in environment(proxy.url).items():
            monkeypatch.setenv(name, value)
        store = Store.open(f"s3://{s3_server.create_bucket()}", retries=0)
        with take(store, "holder", LeaseConfig(seconds=3600)) as lease:
            proxy.faults.append(Fault(r"lease\.json", "PUT", status=500, lost=True, times=1))
            with pytest.raises(StoreError):
                lease.check()
            lease.check()
        assert Holder.parse(store.get(PATH)[0]).expires == 0
