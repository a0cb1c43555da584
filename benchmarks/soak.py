"""Kills, takedowns and damaged files, as long as there is time: `python -m benchmarks.soak [--minutes 5] [--seed 1]`.

The parts take turns until the time is up; the one that has had least of its share is next.

- *kills*: a run over stages of toys in worker processes is killed at random moments, its files are damaged in between.
- *real*: the same for crawl to shard over four rendered videos.
- *takedowns*: runs and `remove` are killed and given again.
- *stores*: the same in an object store (a local server), now and then by another machine.
- *ray*: nodes of a cluster are killed, and the process that gives out the work.
- *slurm*: array tasks are cancelled, queued again and killed, and so is the job that goes on after each stage.
- *million*: runs and takedowns over a ledger of a million items are killed, and bits of it flipped.
- *state*: a file of a root's own is damaged, and every command asked; it ends with an exit code and a word, and the
  root can be brought back.
- *files*: what a person gives (recipes, tables, lists, labels, cookies, models, checkpoints, shards, manifests) is
  damaged; each reader comes to a result or to an error of ours. *media*: the same for `yt360 inspect`.
- *shards*: the same for shards and manifests under the reader of a dataset. *titles*: text from outside on the report's
  page and in a terminal.

Whatever was killed ends in the bytes of what was not. Anything else that happens is printed, and the exit code is 1.
Ctrl-C ends it with the count of what was tried.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Protocol

from benchmarks.soak_room import Soak


class Part(Protocol):
    """Something that is tried again and again."""

    def once(self) -> None: ...


PARTS: dict[str, tuple[float, str]] = {
    "kills": (4, "soak_kills:Kills"),
    "real": (1, "soak_kills:Real"),
    "takedowns": (4, "soak_takedowns:Takedowns"),
    "stores": (2, "soak_elsewhere:Stores"),
    "ray": (0.5, "soak_elsewhere:Ray"),
    "slurm": (0.5, "soak_slurm:Slurm"),
    "million": (2, "soak_sizes:Million"),
    "state": (1, "soak_state:State"),
    "files": (0.3, "soak_files:Files"),
    "media": (1, "soak_sizes:Media"),
    "shards": (0.3, "soak_dataset:Shards"),
    "titles": (0.3, "soak_dataset:Titles"),
}
"""Name -> share of the time, and where it is: each process that is forked to be killed imports this module again, and
torch with it would take six seconds of each.
"""

_TELL_EVERY_S = 300.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--items", type=int, default=1_000_000, help="of the largest ledger")
    parser.add_argument("--keep", type=Path, help="folder for the work, left there (and the roots that were wrong)")
    arguments = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    with contextlib.ExitStack() as ends_with:
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=False)
        folder = arguments.keep or Path(ends_with.enter_context(tempfile.TemporaryDirectory(prefix="yt360-soak-")))
        soak = Soak(folder.absolute(), arguments.seed, ends_with, arguments.items)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            _take_turns(soak, arguments.parts, arguments.minutes * 60)
        print(_told(soak), flush=True)
    return 1 if soak.wrong else 0


def _take_turns(soak: Soak, names: list[str], seconds: float) -> None:
    parts: dict[str, Part] = {}
    spent = dict.fromkeys(names, 0.0)
    ends = time.monotonic() + seconds
    tells = time.monotonic() + _TELL_EVERY_S
    while time.monotonic() < ends:
        name = min(spent, key=lambda one: spent[one])
        share, where = PARTS[name]
        if name not in parts:
            module, _, kind = where.partition(":")
            parts[name] = getattr(importlib.import_module(f"benchmarks.{module}"), kind)(soak)
        started = time.monotonic()
        parts[name].once()
        spent[name] += (time.monotonic() - started) / share
        if time.monotonic() > tells:
            print(_told(soak), file=sys.stderr, flush=True)
            tells = time.monotonic() + _TELL_EVERY_S


def _told(soak: Soak) -> str:
    tried = {name: soak.tried[name] for name in sorted(soak.tried)}
    return json.dumps({**tried, "found": len(soak.wrong), "CPU minutes": round(_cpu_s() / 60, 1)}, indent=1)


def _cpu_s() -> float:
    """CPU time of this process, of those that ended below it, and of those that live (servers; what these forked)."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = stat.read_text().rpartition(")")[2].split()
            if int(words[1]) == os.getpid():
                ticks += sum(map(int, words[11:15]))
    return sum(one.ru_utime + one.ru_stime for one in used) + ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
