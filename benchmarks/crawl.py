"""The crawl under kills, its memory, its disk and its pace, measured at a server that plays YouTube.

    python -m benchmarks.crawl [--videos 2000] [--kills 20] [--ids 100000]

Runs the real yt-dlp against the server and extractor plugin of the tests. Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

from benchmarks.worlds import CLI, machine
from tests.crawling.endurance import ACCESS, simulate
from tests.crawling.tube import PICTURES, SOUNDS, Tube, offer

HERE = Path(__file__).parents[1]
PLUGIN = HERE / "tests" / "crawling" / "plugin"
PLAYLIST = "https://www.youtube.com/playlist?list=PLbenchmark"
MEMORY_MB = 300.0
PER_HOUR = 5400.0
"""Pace at which the rate is measured: a video in 2/3 s."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--ids", type=int, default=100_000)
    arguments = parser.parse_args()
    print(machine())
    folder = Path(tempfile.mkdtemp())
    try:
        well = [
            pace(folder / "pace"),
            discovery(folder / "discovery", arguments.ids),
            endurance(folder / "endurance", arguments.videos, arguments.kills),
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if all(well) else 1


def endurance(folder: Path, videos: int, kills: int) -> bool:
    """A fifth of the videos fails, in every way there is; SIGKILL at random moments."""
    folder.mkdir()
    outcome = simulate(folder, videos=videos, kills=kills, seed=1)
    wrong = {name for name, state in outcome.states.items() if state != outcome.expected[name]}
    missing = set(outcome.expected) - set(outcome.states)
    states = Counter(outcome.states.values())
    print(f"{videos} videos, {outcome.kills} kills, {outcome.seconds:.0f} s: {dict(sorted(states.items()))}")
    print(f"  in a wrong state {len(wrong)}, in none {len(missing)}, files unlike those served {len(outcome.damaged)}")
    print(
        f"  whole files asked for again {len(outcome.asked_again_for_finished)}, partial ones resumed {outcome.resumed}"
    )
    print(f"  work that another run found {outcome.work_of_another_run}")
    bad = wrong or missing or outcome.damaged or outcome.asked_again_for_finished or outcome.work_of_another_run
    return not bad


def discovery(folder: Path, ids: int) -> bool:
    """Memory of `yt360 crawl discover` for a playlist of very many videos, and the state it leaves on disk."""
    well, sizes = True, []
    for count in (ids // 4, ids // 2, ids):
        root = folder / str(count)
        with Tube() as tube:
            tube.lists[PLAYLIST] = {"entries": [{"id": f"v{number:010d}"} for number in range(count)]}
            peak_mb, seconds = _run(tube, "crawl", "discover", "--root", root, "--source", PLAYLIST)
        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
        sizes.append(size / count)
        print(f"discovery of {count} ids: {peak_mb:.0f} MB at most, {seconds:.1f} s, {size / 1e6:.1f} MB on disk")
        well &= peak_mb < MEMORY_MB
    print(f"  bytes on disk an id: {', '.join(f'{size:.0f}' for size in sizes)} (the same: it grows linearly)")
    return well and max(sizes) < 1.05 * min(sizes)


def pace(folder: Path) -> bool:
    """The gaps between videos and the most that were in flight, as the server saw them, with four workers."""
    videos = [f"video{number:06d}" for number in range(20)]
    folder.mkdir()
    (folder / "ids.txt").write_text("\n".join(videos))
    access = {**ACCESS, "youtube_videos_per_hour": PER_HOUR, "concurrent_downloads": 1}
    with Tube() as tube:
        for name in videos:
            offer(tube, name, SOUNDS + PICTURES)
        words = ["--source", folder / "ids.txt", "-p", f"access={json.dumps(access)}", "-p", "check_arrived=false"]
        _run(tube, "crawl", "--root", folder / "root", "--workers", 4, "--min-free-gb", 0, *words)
        asked = [one.at for one in tube.asked("/info")]
        gaps = [after - before for before, after in pairwise(asked)]
        least_s = 3600 / PER_HOUR
        print(
            f"pace: {len(asked)} videos asked for by 4 workers at {PER_HOUR:.0f} an hour: least gap {min(gaps):.3f} s, "
            f"allowed {least_s:.3f} s; most requests in flight {tube.most_in_flight}"
        )
        return len(asked) == len(videos) and min(gaps) > 0.95 * least_s and tube.most_in_flight == 1


def _run(tube: Tube, *words: object) -> tuple[float, float]:
    """Run a command against the server; its peak resident memory in MB and its seconds."""
    environment = {**os.environ, "YT360_TEST_TUBE": tube.base, "PYTHONPATH": f"{HERE}{os.pathsep}{PLUGIN}"}
    began = time.monotonic()
    command = [sys.executable, str(CLI), *map(str, words)]
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {running.returncode}")
    return used.ru_maxrss / 1024, time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
