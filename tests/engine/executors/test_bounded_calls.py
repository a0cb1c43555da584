"""Calls that never come back are given up in time, and a signal is heard meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from yt360.engine.executors import bounded_calls
from yt360.engine.executors.bounded_calls import BoundedCalls, NoAnswerError, end_process


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that ends in this process later has nothing to do with what is stuck here."""
    monkeypatch.setattr(bounded_calls, "_stuck", threading.Event())


def _no() -> bool:
    return False


def test_results_and_errors_come_through() -> None:
    calls = BoundedCalls(5.0, 1.0, _no)
    assert calls(lambda a, b: a + b, 1, 2) == 3
    with pytest.raises(ZeroDivisionError):
        calls(lambda: 1 // 0)
    assert calls(threading.current_thread) is not threading.current_thread()
    assert not calls.stuck


def test_what_takes_too_long_is_given_up_and_nothing_is_asked_after_it() -> None:
    calls, released = BoundedCalls(0.3, 0.1, _no), threading.Event()
    started = time.monotonic()
    with pytest.raises(NoAnswerError):
        calls(released.wait)
    assert 0.3 <= time.monotonic() - started < 5.0
    with pytest.raises(NoAnswerError):
        calls(pytest.fail)
    released.set()


def test_signals_are_heard_amid_a_call_and_shorten_the_wait() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
    calls, released = BoundedCalls(60.0, 0.1, lambda: bool(heard)), threading.Event()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        started = time.monotonic()
        with pytest.raises(NoAnswerError):
            calls(released.wait)
        assert time.monotonic() - started < 10.0
    finally:
        signal.signal(signal.SIGALRM, before)
        released.set()
    assert heard


def test_a_process_with_a_stuck_call_ends_with_its_code() -> None:
    """An interpreter that wound up under a call into Ray ended in a segmentation fault."""
    end_process(3)  # nothing is stuck: it goes on
    code = (
        "import threading\n"
        "from yt360.engine.executors.bounded_calls import BoundedCalls, NoAnswerError, end_process\n"
        "try: BoundedCalls(0.1, 0.1, lambda: False)(threading.Event().wait)\n"
        "except NoAnswerError: print('said', end='')\n"
        "end_process(3)\n"
        "raise SystemExit(4)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (3, "said")
