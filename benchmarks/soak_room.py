"""What the parts of a soak share: chance, a count, and `yt360` over stand-ins for stages, here or to be killed.

Processes to kill come from a fork server that has imported everything, so that a moment at random falls into the work
and not into two seconds of imports.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import multiprocessing.forkserver
import os
import random
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.cli.test_any_bytes import WAYS
from tests.inline import Inline
from tests.stages.fakes import FAKES
from yt360.cli import common, main, remove, run
from yt360.engine import pipeline, verify
from yt360.stages import shard, split  # noqa: F401  (imported before processes are forked)

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["benchmarks.soak_room", "yt360.media.inspect", "yt360.media.evidence"])
_PATIENCE_S = 900.0


class _Pool(Inline):
    """Workers of ``run`` and ``verify`` in this process: thousands of roots would start thousands of processes."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def run(self, next_task: Any, needs: Any = None, backlog: Any = lambda: 0) -> Iterator[Any]:
        return super().run(next_task, needs, backlog)


class Soak:
    """Counts what was tried, and keeps what went wrong.

    ``items`` is the size of the largest ledger; what a part has started is put into ``ends_with``.
    """

    def __init__(self, folder: Path, seed: int, ends_with: contextlib.ExitStack, items: int = 1_000_000) -> None:
        self.folder, self.chance, self.items = folder, random.Random(seed), items
        self.ends_with = ends_with
        self.tried: Counter[str] = Counter()
        self.wrong: list[str] = []
        multiprocessing.forkserver.ensure_running()

    def found(self, what: str) -> None:
        self.wrong.append(what)
        print(f"FOUND {what}", flush=True)

    def damaged(self, path: Path) -> str:
        """Damage a file in one of the ways; which."""
        way = self.chance.choice(["flip", "flip", *WAYS])
        path.write_bytes(WAYS[way](self.chance, bytearray(path.read_bytes() or b"x")))
        return way


def use_stand_ins() -> None:
    """From here on ``yt360`` in this process knows the stand-ins for crawl and chunk, and works without workers."""
    for module in (run, common, remove):
        module.REGISTRY = FAKES  # type: ignore[attr-defined]
    pipeline.WorkerPool = verify.WorkerPool = _Pool  # type: ignore[assignment, attr-defined]


def call(*words: object) -> tuple[int, str]:
    """Exit code and words of ``yt360 WORDS`` in this process; 99 is a traceback."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            main.main([str(word) for word in words])
    except SystemExit as ended:
        return int(ended.code or 0), said.getvalue()
    except Exception:
        return 99, traceback.format_exc()
    return 98, said.getvalue()


def call_and_kill(
    words: tuple[object, ...], log: Path, kill: tuple[float, signal.Signals] | None = None
) -> tuple[int, str]:
    """``yt360 WORDS`` in a process that gets a signal after so many seconds; its exit code (negative: a signal).

    What it says goes through the file ``log``.
    """
    log.unlink(missing_ok=True)
    process = _FORKS.Process(target=_child, args=(tuple(map(str, words)), str(log), dict(os.environ)))
    process.start()
    process.join(kill[0] if kill else _PATIENCE_S)
    if process.is_alive() and process.pid is not None:
        os.kill(process.pid, kill[1] if kill else signal.SIGKILL)
        process.join(_PATIENCE_S)
        if process.is_alive():
            process.kill()
            process.join()
    return process.exitcode or 0, log.read_text(errors="replace") if log.exists() else ""


def _child(words: tuple[str, ...], log: str, environment: dict[str, str]) -> None:
    os.environ.update(environment)  # the fork server knows those of its start
    use_stand_ins()
    with open(log, "w", buffering=1) as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
        sys.exit(main.main(list(words)))
