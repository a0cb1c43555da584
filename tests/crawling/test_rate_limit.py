"""Turns, pace and pauses; with a clock of their own, and with real processes that are killed."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from yt360.crawling.access import Access
from yt360.crawling.failures import CrawlError
from yt360.crawling.rate_limit import RateLimiter, Slot

FOREVER = float("inf")


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def _limiter(folder: Path, clock: Clock, site: str = "youtube", **access: object) -> RateLimiter:
    return RateLimiter(folder, site, Access.model_validate(access), clock=clock, sleep=clock.sleep)


def test_never_faster_than_the_rate(tmp_path: Path) -> None:
    clock = Clock()
    limiter = _limiter(tmp_path, clock, youtube_videos_per_hour=300, youtube_pause_s=(0, 0))
    begun = []
    for _ in range(50):
        with limiter.acquire(FOREVER):
            begun.append(clock.now)
    gaps = [after - before for before, after in itertools.pairwise(begun)]
    assert min(gaps) >= 12.0 - 1e-6
    assert max(gaps) < 13.0


def test_the_time_to_the_next_counts_from_the_request(tmp_path: Path) -> None:
    """Regression: a slow start in one turn let the next request follow sooner than the rate allows."""
    clock = Clock()
    limiter = _limiter(tmp_path, clock, youtube_videos_per_hour=360, youtube_pause_s=(0, 0))
    asked: list[float] = []

    def slow_start(slot: Slot) -> None:
        clock.sleep(4.0 if not asked else 0.0)
        slot.asked()
        asked.append(clock())

    for _ in range(3):
        limiter.call(slow_start)
    assert [round(b - a, 2) for a, b in itertools.pairwise(asked)] == [10.0, 10.0]


def test_idle_hours_do_not_add_up_to_a_burst(tmp_path: Path) -> None:
    clock = Clock()
    limiter = _limiter(tmp_path, clock, youtube_videos_per_hour=300, youtube_pause_s=(0, 0))
    with limiter.acquire(FOREVER):
        pass
    clock.now += 10_000
    begun = []
    for _ in range(3):
        with limiter.acquire(FOREVER):
            begun.append(clock.now)
    assert begun[2] - begun[0] >= 24.0 - 1e-6


def test_pause_lies_between_two_videos(tmp_path: Path) -> None:
    clock = Clock()
    limiter = _limiter(tmp_path, clock, youtube_videos_per_hour=1e9, youtube_pause_s=(5, 10))
    pauses = []
    ended = None
    for _ in range(30):
        with limiter.acquire(FOREVER):
            if ended is not None:
                pauses.append(clock.now - ended)
            clock.now += 100  # a long download does not shorten the pause
        ended = clock.now
    assert min(pauses) >= 5.0 - 1e-6
    assert max(pauses) <= 10.5
    assert max(pauses) - min(pauses) > 1.0


def test_clock_set_back_does_not_stop_the_crawl(tmp_path: Path) -> None:
    clock = Clock()
    limiter = _limiter(tmp_path, clock, youtube_videos_per_hour=300, youtube_pause_s=(5, 10))
    with limiter.acquire(FOREVER):
        pass
    clock.now -= 1e6
    before = clock.now
    with limiter.acquire(FOREVER):
        assert clock.now - before < 60


def test_refusal_closes_for_all_and_the_pause_grows_and_shrinks_again(tmp_path: Path) -> None:
    clock = Clock()
    access: dict[str, Any] = {
        "youtube_videos_per_hour": 1e9,
        "youtube_pause_s": (0, 0),
        "backoff_s": 600,
        "max_backoff_s": 2000,
    }
    limiter, other = _limiter(tmp_path, clock, **access), _limiter(tmp_path, clock, **access)
    waits = []
    for _ in range(4):
        with limiter.acquire(FOREVER) as slot:
            slot.open_circuit("bot-wall")
        before = clock.now
        with other.acquire(FOREVER):  # another worker of the same root
            waits.append(clock.now - before)
    assert waits == pytest.approx([600, 1200, 2000, 2000], abs=1)
    with limiter.acquire(FOREVER) as slot:
        slot.record_success()
    with limiter.acquire(FOREVER) as slot:
        assert slot.open_circuit("rate-limited") == 600


def test_server_s_own_wish_is_kept(tmp_path: Path) -> None:
    clock = Clock()
    limiter = _limiter(tmp_path, clock, backoff_s=1)
    with limiter.acquire(FOREVER) as slot:
        assert slot.open_circuit("rate-limited", asked_s=900) == 900


def test_after_a_pause_one_goes_first_alone(tmp_path: Path) -> None:
    clock = Clock()
    access: dict[str, Any] = {
        "youtube_videos_per_hour": 1e9,
        "youtube_pause_s": (0, 0),
        "concurrent_downloads": 4,
        "backoff_s": 10,
    }
    first, second = _limiter(tmp_path, clock, **access), _limiter(tmp_path, clock, **access)
    with first.acquire(FOREVER) as slot:
        slot.open_circuit("bot-wall")
    with first.acquire(FOREVER) as slot:
        with pytest.raises(CrawlError), second.acquire(clock.now + 30):
            pass
        slot.record_success()
        with second.acquire(clock.now + 30):
            pass


def test_two_addresses_are_two_lanes_and_one_refusal_leaves_the_other(tmp_path: Path) -> None:
    clock = Clock()
    limiter = _limiter(
        tmp_path, clock, proxies=("http://a:1", "http://b:1"), youtube_videos_per_hour=300, youtube_pause_s=(0, 0)
    )
    with limiter.acquire(FOREVER) as one, limiter.acquire(FOREVER) as two:
        assert {one.address, two.address} == {"http://a:1", "http://b:1"}
        one.open_circuit("bot-wall")
    for _ in range(3):
        with limiter.acquire(FOREVER) as slot:
            assert slot.address == two.address


def test_gives_up_when_patience_ends_and_says_why(tmp_path: Path) -> None:
    clock = Clock()
    limiter = _limiter(tmp_path, clock, youtube_pause_s=(0, 0))
    with limiter.acquire(FOREVER) as slot:
        slot.open_circuit("bot-wall")
    with pytest.raises(CrawlError, match="bot-wall") as raised, limiter.acquire(clock.now + 60):
        pass
    assert raised.value.kind == "bot-wall"


def test_broken_state_file_is_started_anew(tmp_path: Path) -> None:
    clock = Clock()
    limiter = _limiter(tmp_path, clock)
    with limiter.acquire(FOREVER):
        pass
    for state in tmp_path.glob("*/state.json"):
        state.write_bytes(b'{"tokens": "many"')
    with limiter.acquire(FOREVER):
        pass


def _hold(folder: str, entered: object, seconds: float) -> None:
    limiter = RateLimiter(Path(folder), "h.test", Access())
    with limiter.acquire(time.time() + 60):
        entered.put((os.getpid(), time.time()))  # type: ignore[attr-defined]
        time.sleep(seconds)
        entered.put((os.getpid(), time.time()))  # type: ignore[attr-defined]


def test_killed_holder_leaves_nothing_taken(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    entered = context.Queue()
    holder = context.Process(target=_hold, args=(str(tmp_path), entered, 60.0))
    holder.start()
    pid, _ = entered.get(timeout=60)
    waiting = RateLimiter(tmp_path, "h.test", Access())
    with pytest.raises(CrawlError, match="all slots were taken"), waiting.acquire(time.time() + 0.5):
        pass
    os.kill(pid, signal.SIGKILL)
    holder.join()
    with contextlib.closing(entered), waiting.acquire(time.time() + 10) as slot:
        assert slot.address == "direct"
