"""A crawl that is killed again and again, against the local server; also a program of its own:

python -m tests.crawling.endurance --videos 2000 --kills 20
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import CHECKOUT
from tests.crawling.tube import PICTURES, SOUNDS, Tube, bytes_of, offer, picture
from yt360.engine import pipeline
from yt360.engine.recipe import Recipe
from yt360.engine.state import ledger
from yt360.engine.storage import Root
from yt360.stages.crawl import Crawl, CrawlParams

HERE = CHECKOUT
SIZE = 60_000
ACCESS: dict[str, Any] = {
    "request_pause_s": 0,
    "retry_pause_s": 0,
    "retries": 1,
    "socket_timeout_s": 5,
    "youtube_pause_s": (0, 0),
    "youtube_videos_per_hour": 1e9,
    "backoff_s": 0.05,
    "max_backoff_s": 0.2,
    "min_free_gb": 0,
    "fallback_clients": (),
    "concurrent_downloads": 2,
}
FAILURES = {
    "removed": "Video unavailable. This video has been removed by the uploader",
    "private": "Private video. Sign in if you've been granted access to this video",
    "age-gated": "Sign in to confirm your age. This video may be inappropriate for some users.",
    "geo-blocked": "The uploader has not made this video available in your country",
    "members-only": "Join this channel to get access to members-only content like this video",
    "paid": "This video requires payment to watch.",
    "drm": "This video is DRM protected",
    "live": "This live event will begin in 3 hours.",
    "unexpected": "Something that nobody has seen before",
}
PASSING = {
    "bot-wall": {"error": "Sign in to confirm you\u2019re not a bot"},
    "rate-limited": 429,
    "network": 503,
}
PROGRAM = """
import json, sys
sys.path[:0] = json.loads(sys.argv[3])
from yt360.engine import pipeline
from yt360.engine.recipe import Recipe
from yt360.engine.storage import Root
from yt360.stages.crawl import Crawl, CrawlParams
stage = Crawl(CrawlParams.model_validate(json.loads(sys.argv[1])))
if __name__ == "__main__":
    pipeline.run(Recipe("test", (stage,)), Root(sys.argv[2]), pipeline.Options(workers=2, min_free_bytes=0))
"""


@dataclass
class Outcome:
    """``states`` and ``expected``: failure kind or ``done`` by video. ``damaged``: files unlike those served.

    ``asked_again_for_finished``: files that lay whole on the disk at a kill, and that a later run asked for.
    """

    expected: dict[str, str]
    states: dict[str, str]
    damaged: list[str]
    kills: int
    asked_again_for_finished: list[str]
    resumed: int
    work_of_another_run: int
    seconds: float


def stock(tube: Tube, videos: int, chance: random.Random) -> dict[str, str]:
    """Fill the server: four of five videos are well (some only after refusals); every kind of failure occurs."""
    expected: dict[str, str] = {}
    kinds = [*FAILURES, "no-360-format", "no-ambisonic-format", "sabr-only", "forbidden", "network"]
    for number in range(videos):
        name = f"video{number:06d}"
        if number % 5 == 0:
            kind = expected[name] = kinds[number // 5 % len(kinds)]
            if kind in FAILURES:
                tube.videos[name] = {"error": FAILURES[kind]}
            elif kind == "network":
                tube.videos[name] = 500
            else:
                _offer_badly(tube, name, kind)
            continue
        expected[name] = "done"
        offer(tube, name, SOUNDS + PICTURES, size=SIZE)
        if chance.random() < 0.1:
            tube.videos[name] = [PASSING[chance.choice(list(PASSING))], tube.videos[name]]
        if chance.random() < 0.1:
            tube.files[f"/media/{name}/248"].drop_after = [chance.randrange(1, SIZE)]
    return expected


def _offer_badly(tube: Tube, name: str, kind: str) -> None:
    if kind == "no-360-format":
        offer(tube, name, [*SOUNDS, picture("248", "1080p", 1080)])
    elif kind == "no-ambisonic-format":
        offer(tube, name, [SOUNDS[0], *PICTURES])
    elif kind == "sabr-only":
        told = f"{name}: Some web client https formats have been skipped as they are missing a URL. SABR streaming"
        offer(tube, name, [SOUNDS[0]], debug=[told])
    else:
        offer(tube, name, SOUNDS + PICTURES)
        for one in PICTURES:
            tube.files[f"/media/{name}/{one['format_id']}"].refuse = [403] * 1000


def simulate(folder: Path, *, videos: int, kills: int, seed: int) -> Outcome:
    """Crawl ``videos`` with two workers, SIGKILL the run ``kills`` times at random, let it end, and look."""
    chance = random.Random(seed)
    started = time.monotonic()
    with Tube() as tube:
        os.environ["YT360_TEST_TUBE"] = tube.base
        expected = stock(tube, videos, chance)
        (folder / "ids.txt").write_text("\n".join(expected))
        (folder / "program.py").write_text(PROGRAM)
        given = {"source": str(folder / "ids.txt"), "access": ACCESS, "check_arrived": False}
        root = Root(folder / "root")
        root.create()
        finished = _run_and_kill(folder, root, given, kills, chance, videos, tube)
        stage = Crawl(CrawlParams.model_validate(given))
        records = ledger.latest(ledger.read(root.ledger / "crawl"))
        again = pipeline.run(Recipe("test", (stage,)), root, pipeline.Options(min_free_bytes=0))
        return Outcome(
            expected=expected,
            states={name: record.kind or record.status for name, record in records.items()},
            damaged=_damaged(root, expected),
            kills=len(finished),
            asked_again_for_finished=[
                path
                for requests, files in finished
                for path in sorted(files & {one.path.split("?")[0] for one in tube.requests[requests:]})
            ],
            resumed=sum(bool(one.span) for one in tube.asked("/media")),
            work_of_another_run=again.worked,
            seconds=time.monotonic() - started,
        )


def _run_and_kill(
    folder: Path, root: Root, given: dict[str, Any], kills: int, chance: random.Random, videos: int, tube: Tube
) -> list[tuple[int, set[str]]]:
    """For each kill: how many requests there had been, and the server's paths of what lay whole on the disk."""
    finished: list[tuple[int, set[str]]] = []
    paths = [str(HERE), str(HERE / "tests" / "crawling" / "plugin")]
    command = [sys.executable, str(folder / "program.py"), json.dumps(given), str(root.path), json.dumps(paths)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    for kill in range(kills + 1):
        before = _recorded(root)
        running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if kill == kills:
            _, said = running.communicate(timeout=3600)
            assert running.returncode == 0, said.decode()[-2000:]
            return finished
        # After some progress, at any moment of whatever is under way.
        goal = before + chance.randrange(0, max(1, videos // (kills + 1)))
        while _recorded(root) < goal and running.poll() is None:
            time.sleep(0.02)
        time.sleep(chance.uniform(0.0, 1.5) if goal == before else chance.uniform(0.0, 0.4))
        if running.poll() is not None:  # it was faster
            assert running.returncode == 0, running.communicate()[1].decode()[-2000:]
            return finished
        running.send_signal(signal.SIGKILL)
        running.communicate()
        time.sleep(0.3)  # its workers see their lifeline close and end
        finished.append((len(tube.requests), _whole_files(root)))
    return finished


def _whole_files(root: Root) -> set[str]:
    """Paths on the server of what lies whole on the disk, recorded or not."""
    kept = [*(root.data / "crawl").glob("*/*.webm"), *(root.state / "crawl-partial").glob("*/*.webm")]
    return {f"/media/{path.parent.name}/{'248' if path.name.startswith('video') else '338'}" for path in kept}


def _recorded(root: Root) -> int:
    """Lines in the ledger; cheap enough to ask often."""
    folder = root.ledger / "crawl"
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("*")) if folder.is_dir() else 0


def _damaged(root: Root, expected: dict[str, str]) -> list[str]:
    bad = []
    for name, state in expected.items():
        if state == "done":
            for role, itag in (("video", "248"), ("sound", "338")):
                path = root.data / "crawl" / name / f"{role}.webm"
                if not path.is_file() or path.read_bytes() != bytes_of(f"{name}/{itag}", SIZE):
                    bad.append(f"{name}/{role}")
    return bad


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        outcome = simulate(folder, videos=arguments.videos, kills=arguments.kills, seed=arguments.seed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    wrong = {name: state for name, state in outcome.states.items() if state != outcome.expected[name]}
    missing = set(outcome.expected) - set(outcome.states)
    print(f"{len(outcome.expected)} videos, {outcome.kills} kills, {outcome.seconds:.0f} s")
    print(f"states: {dict(sorted(Counter(outcome.states.values()).items()))}")
    print(f"wrong: {wrong}; missing: {sorted(missing)}; damaged: {outcome.damaged}")
    print(f"asked again for finished files: {outcome.asked_again_for_finished}; resumed: {outcome.resumed}")
    print(f"work of another run: {outcome.work_of_another_run}")


if __name__ == "__main__":
    main()
