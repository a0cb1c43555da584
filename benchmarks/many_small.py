"""What processes and files cost where there are many short clips, as a share of the work of the real stages.

    python -m benchmarks.many_small [--clips 14] [--json]

The recordings of ten seconds of ``../shared`` go from crawl to shards in one process, first half of them and then all:
what one clip more costs in CPU time is the work, and in a run over 10,000 clips nothing else counts. Of it, overhead is
what starting ffmpeg costs, as often as it was started, and what the engine spends on plans, records, digests and files.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import floor
from benchmarks.worlds import machine
from yt360.media import ffmpeg


def clips() -> list[Path]:
    """The clips of ten seconds with a sound field, each another one."""
    return sorted((floor.REAL / "media").glob("*.webm")) + sorted((floor.REAL / "real" / "video360").glob("*.webm"))


@contextmanager
def counted() -> Iterator[list[int]]:
    """How many processes this one starts."""
    starts, start = [0], subprocess.Popen.__init__

    def counting(self: Any, *arguments: Any, **named: Any) -> None:
        starts[0] += 1
        start(self, *arguments, **named)

    subprocess.Popen.__init__ = counting  # type: ignore[method-assign]
    try:
        yield starts
    finally:
        subprocess.Popen.__init__ = start  # type: ignore[method-assign]


def start_cpu_s() -> float:
    """CPU seconds of an ffmpeg that makes one tiny frame: the median of nine."""
    nothing = ["-f", "lavfi", "-i", "color=size=16x16:duration=0.04", "-f", "null", "-"]
    spent = []
    for _ in range(9):
        before = floor.cpu_s()
        ffmpeg.run(nothing, timeout_s=60)
        spent.append(floor.cpu_s() - before)
    return statistics.median(spent)


def measure(files: list[Path], scratch: Path) -> dict[str, float]:
    """CPU seconds of the stages and of the engine over some files, and processes started."""
    media = scratch / f"media-{len(files)}"
    media.mkdir()
    for path in files:
        shutil.copyfile(path, media / path.name)
    with counted() as starts:
        spent = floor.profile(media, scratch / f"root-{len(files)}")
    engine_s = spent.pop("plans and records")
    return {"stages": sum(spent.values()), "engine": engine_s, "starts": float(starts[0])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=14)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    files = clips()[: arguments.clips]
    with tempfile.TemporaryDirectory() as name:
        scratch, half = Path(name), len(files) // 2
        measure(files[:1], scratch)  # imports and models are loaded once in a run of 10,000
        few, all_of_them = measure(files[:half], scratch), measure(files, scratch)
    each = {what: (all_of_them[what] - few[what]) / (len(files) - half) for what in few}
    start_s = start_cpu_s()
    overhead_s = each["starts"] * start_s + each["engine"]
    found = {
        "clips": len(files),
        "work a clip, CPU s": round(each["stages"] + each["engine"], 3),
        "processes a clip": round(each["starts"], 1),
        "start of a process, CPU s": round(start_s, 4),
        "engine a clip, CPU s": round(each["engine"], 4),
        "share of overhead": round(overhead_s / (each["stages"] + each["engine"] - overhead_s), 4),
    }
    print(json.dumps({"machine": machine(), **found}) if arguments.json else machine())
    if not arguments.json:
        for what, value in found.items():
            print(f"{what:<26} {value}")


if __name__ == "__main__":
    main()
