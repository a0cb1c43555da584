"""Rate limits over many processes, by site and outgoing address, with a circuit breaker.

State lies in small files of one folder and is guarded by ``flock``, which the kernel gives back
when a process dies, however it dies. So a kill never leaves a slot taken or a circuit open for good.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TypeVar

from yt360.crawling.access import Access
from yt360.crawling.failures import CrawlError
from yt360.files import parse_json

log = logging.getLogger("yt360.crawl")

Answer = TypeVar("Answer")

_POLL_S = 0.2
_LONGEST_SLICE_S = 5.0
_STATE_BYTES = 512


@dataclass
class _State:
    """State of one limiter. Times are seconds since the epoch: processes and boots share them."""

    tokens: float = 1.0
    filled_at: float = 0.0
    ready_at: float = 0.0
    rest_s: float = 0.0
    closed_until: float = 0.0
    closed_s: float = 0.0
    trips: int = 0
    tripped_by: str = ""


class Slot:
    """One site over one outgoing address: ``access.concurrent_downloads`` videos at a time, never faster than the rate.

    A token bucket of depth one gives the rate: no stretch of T hours sees more than 1 + T times the
    configured videos an hour begin. A pause lies between the end of one video and the start of the
    next. After a refusal that holds for every video the circuit opens for a pause that doubles with
    every further refusal; the first request afterwards is made alone.
    """

    def __init__(self, folder: Path, site: str, address: str, access: Access, clock: Callable[[], float]) -> None:
        self.site = site
        self.address = address
        self._access = access
        self._clock = clock
        name = hashlib.blake2b(f"{site}\n{address}".encode("utf-8", "replace"), digest_size=8).hexdigest()
        self._folder = folder / name
        self._folder.mkdir(parents=True, exist_ok=True)

    def try_acquire(self, held: contextlib.ExitStack) -> float:
        """0 when the slot was acquired (its locks are now ``held``), otherwise seconds to wait before asking again."""
        with contextlib.ExitStack() as taken:
            seats = (self._folder / f"seat-{number}.lock" for number in range(self._access.concurrent_downloads))
            if not any(_lock(taken, seat) for seat in seats):
                return _POLL_S
            with self._state() as state:
                wait_s = self._wait_s(state, taken)
            if wait_s <= 0:
                held.push(taken.pop_all())
            return wait_s

    def asked(self) -> None:
        """A request is being made: the interval to the next one counts from here, not from the slot's acquisition."""
        with self._state() as state:
            state.tokens, state.filled_at = 0.0, self._clock()

    def release(self) -> None:
        """The pause before the next video begins now."""
        with self._state() as state:
            state.rest_s = random.uniform(*self._access.pause_s(self.site))
            state.ready_at = self._clock() + state.rest_s

    def open_circuit(self, kind: str, asked_s: float | None = None) -> float:
        """Open the circuit after a refusal that holds for every video; returns the pause in seconds."""
        with self._state() as state:
            now = self._clock()
            if now < state.closed_until:
                return state.closed_until - now  # somebody else was refused at the same moment
            grown = self._access.backoff_s * 2.0 ** min(state.trips, 30)
            pause_s = max(min(grown, self._access.max_backoff_s), asked_s or 0.0)
            state.trips += 1
            state.tripped_by = kind
            state.closed_s = pause_s
            state.closed_until = now + pause_s
            return pause_s

    def record_success(self) -> None:
        """The site answers again: close the circuit; the next pause starts small."""
        with self._state() as state:
            state.trips = 0
            state.tripped_by = ""

    def why_open(self) -> str:
        """The kind of refusal that opened the circuit; empty when it is closed."""
        with self._state() as state:
            return state.tripped_by

    def _wait_s(self, state: _State, taken: contextlib.ExitStack) -> float:
        now = self._clock()
        # Never longer than the pause itself: a clock that was set back must not stop the crawl for as long.
        state.closed_until = min(state.closed_until, now + state.closed_s)
        state.ready_at = min(state.ready_at, now + state.rest_s)
        if now < state.closed_until:
            return state.closed_until - now
        if state.trips and not _lock(taken, self._folder / "probe.lock"):
            return _POLL_S
        if now < state.ready_at:
            return state.ready_at - now
        rate_hz = (self._access.videos_per_hour(self.site) or 0.0) / 3600.0
        if rate_hz:
            tokens = min(1.0, state.tokens + max(0.0, now - state.filled_at) * rate_hz)
            state.tokens, state.filled_at = tokens, now
            if tokens < 1.0:
                return (1.0 - tokens) / rate_hz
            state.tokens -= 1.0
        return 0.0

    @contextlib.contextmanager
    def _state(self) -> Iterator[_State]:
        """The state, read and written back under a lock."""
        descriptor = os.open(self._folder / "state.json", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            state = _parse(os.pread(descriptor, _STATE_BYTES, 0))
            yield state
            # One write of fixed size: what a kill leaves is the old state or the new one.
            os.pwrite(descriptor, json.dumps(asdict(state)).encode().ljust(_STATE_BYTES), 0)
        finally:
            os.close(descriptor)


class RateLimiter:
    """All slots of one site, one for each outgoing address (see :meth:`Access.outgoing`)."""

    def __init__(
        self,
        folder: Path,
        site: str,
        access: Access,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._slots = [Slot(folder, site, address, access, clock) for address in access.outgoing()]
        self._site = site
        self._access = access
        self._clock = clock
        self._sleep = sleep

    @contextlib.contextmanager
    def acquire(self, give_up_at: float) -> Iterator[Slot]:
        """Wait for whichever slot is free first, and hold it.

        Raises :class:`CrawlError` when none was free by ``give_up_at`` (on this limiter's clock).
        """
        with contextlib.ExitStack() as held:
            slot = self._acquire(held, give_up_at)
            try:
                yield slot
            finally:
                slot.release()

    def call(self, action: Callable[[Slot], Answer]) -> Answer:
        """Wait for a slot and call ``action`` with it.

        A refusal that holds for every video opens the circuit, and the same is asked again when it
        closes; so nothing is skipped and nothing fails because somebody else was too fast. Raises the
        :class:`CrawlError` of any other failure, or of the refusal when ``access.give_up_after_s`` is over.
        """
        give_up_at = self._clock() + self._access.give_up_after_s
        while True:
            with self.acquire(give_up_at) as slot:
                try:
                    answer = action(slot)
                except CrawlError as error:
                    if not error.rule.stops:
                        if error.rule.retry != "soon":
                            slot.record_success()  # a clear answer about one video: the site talks to us
                        raise
                    pause_s = slot.open_circuit(error.kind, error.pause_s)
                    log.warning("%s; no request to %s for %.0f s", error, slot.site, pause_s)
                    if self._clock() + pause_s > give_up_at:
                        raise
                else:
                    slot.record_success()
                    return answer

    def _acquire(self, held: contextlib.ExitStack, give_up_at: float) -> Slot:
        while True:
            shortest_s = float("inf")
            for slot in random.sample(self._slots, len(self._slots)):
                wait_s = slot.try_acquire(held)
                if wait_s <= 0:
                    return slot
                shortest_s = min(shortest_s, wait_s)
            if self._clock() >= give_up_at:
                raise self._gave_up(self._slots)
            self._sleep(max(0.005, min(shortest_s, _LONGEST_SLICE_S)))

    def _gave_up(self, slots: Sequence[Slot]) -> CrawlError:
        closed = sorted({slot.why_open() for slot in slots} - {""})
        return CrawlError(
            closed[0] if closed else "rate-limited",
            f"{self._site}: no request could be made within "
            f"crawl.access.give_up_after_s = {self._access.give_up_after_s:g} s "
            f"({', '.join(closed) if closed else 'all slots were taken'}); run again later, or raise it",
        )


def _parse(data: bytes) -> _State:
    try:
        value = parse_json(data)
        return _State(**{entry.name: value[entry.name] for entry in fields(_State)})
    except (ValueError, TypeError, KeyError):
        return _State()


def _lock(held: contextlib.ExitStack, path: Path) -> bool:
    """Try to lock ``path`` for as long as ``held`` lasts; whether it worked."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return False
    held.callback(os.close, descriptor)
    return True
