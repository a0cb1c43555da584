"""Data workers: what a signal to the whole process group does to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

_WORKER = """
import os, signal, time
from yt360.training.loader import _start_worker
_start_worker(0)
for number in (signal.SIGTERM, signal.SIGINT):
    os.kill(os.getpid(), number)
print("alive")
"""


def test_workers_leave_sigterm_and_ctrl_c_to_the_main_process() -> None:
    """A scheduler signals all processes of a job; a worker that died of it would take the run's checkpoint along."""
    done = subprocess.run(
        [sys.executable, "-c", _WORKER], capture_output=True, text=True, env={**os.environ}, start_new_session=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr or signal.Signals(-done.returncode).name
