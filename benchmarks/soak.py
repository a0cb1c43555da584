"""Kills, takedowns and damaged files, as long as there is time: `python -m benchmarks.soak [--minutes 5] [--seed 1]`.

The parts take turns until the time is up; the one that has had least of it is next.

- *kills*: a run over stages of toys in worker processes is killed at random moments, its files are damaged in between.
- *real*: the same for crawl to shard over four rendered videos.
- *takedowns*: runs and `remove` are killed and given again.
- *state*: a file of a root's own is damaged, and every command asked; it ends with an exit code and a word, and the
  root can be brought back.
- *files*: what a person gives (recipes, tables, lists, labels, cookies, models, checkpoints, shards, manifests) is
  damaged; each reader comes to a result or to an error of ours. Media have `benchmarks.media_fuzz`.
- *shards*: the same for shards and manifests under the reader of a dataset. *titles*: text from outside on the report's
  page and in a terminal.

Whatever was killed ends in the bytes of what was not. Anything else that happens is printed, and the exit code is 1.
Ctrl-C ends it with the count of what was tried.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from benchmarks import soak_dataset, soak_files, soak_kills, soak_state, soak_takedowns
from benchmarks.soak_room import Soak


class Part(Protocol):
    """Something that is tried again and again."""

    def once(self) -> None: ...


PARTS: dict[str, Callable[[Soak], Part]] = {
    "kills": soak_kills.Kills,
    "real": soak_kills.Real,
    "takedowns": soak_takedowns.Takedowns,
    "state": soak_state.State,
    "files": soak_files.Files,
    "shards": soak_dataset.Shards,
    "titles": soak_dataset.Titles,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--keep", type=Path, help="folder for the work, left there (and the roots that were wrong)")
    arguments = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    with contextlib.ExitStack() as ends_with:
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=False)
        folder = arguments.keep or Path(ends_with.enter_context(tempfile.TemporaryDirectory(prefix="yt360-soak-")))
        soak = Soak(folder.absolute(), arguments.seed)
        parts: dict[str, Part] = {}
        for name in arguments.parts:
            parts[name] = PARTS[name](soak)
        spent_s = dict.fromkeys(parts, 0.0)
        ends = time.monotonic() + arguments.minutes * 60
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            while time.monotonic() < ends:
                name = min(spent_s, key=lambda one: spent_s[one])
                started = time.monotonic()
                parts[name].once()
                spent_s[name] += time.monotonic() - started
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_min = sum(one.ru_utime + one.ru_stime for one in used) / 60
    tried = {name: soak.tried[name] for name in sorted(soak.tried)}
    print(json.dumps({**tried, "found": len(soak.wrong), "CPU minutes": round(cpu_min, 1)}, indent=1))
    return 1 if soak.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
