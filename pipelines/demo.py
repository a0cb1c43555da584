"""The main job, end to end: videos → dataset → a trained model. `make demo` runs this.

Without arguments a procedural world is rendered, served by an HTTP server on this machine and
crawled through yt-dlp; what the pipeline kept and dropped is checked against what the world knows.
With --media DIR a folder of your own takes the world's place.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import json
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

import numpy as np
import pandas as pd

from yt360 import sphere
from yt360.cli.common import clean, table, usable_cores
from yt360.engine.storage import Root
from yt360.errors import Yt360Error
from yt360.report.overlays import write_overlays
from yt360.synth import VideoTruth, load_truth, make_world

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
VIDEOS = 34
SEED = 7
DURATION_S = 11.0
BATCHES = (10, 6)
"""Videos a batch of the training recipe's phases; fewer where there are fewer videos."""

FELL = 0.9
"""A loss that fell to less than this part of its first value fell visibly."""

MEANING = (
    "These numbers only show that everything works: a toy model saw {videos} videos for {steps} steps. A falling loss\n"
    "is what counts here. The accuracies are of a handful of test videos: near the chance that stands beside each,\n"
    "give or take 0.3, is what to expect. Real numbers need hours on a GPU: docs/how-to/train.md."
)
"""What a person should make of the numbers of the training."""

DIRECTION_LIMIT_DEG = 15.0
LEAST_DIRECTED = 0.2
"""Below this length of the mean intensity (0 to 1) a clip's sound has no direction worth comparing."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--media", type=Path, help="a folder of 360° videos to use instead of the procedural world")
    parser.add_argument("--root", type=Path, help="where to work (default: demo/ or demo-media/ in the checkout)")
    arguments = parser.parse_args()
    started = time.monotonic()
    root: Path = (arguments.root or CHECKOUT / ("demo-media" if arguments.media else "demo")).absolute()
    try:
        Root(str(root)).create()  # marked as a dataset's before the world goes into it
    except Yt360Error as error:
        parser.error(str(error))
    truths: list[VideoTruth] = []
    if arguments.media:
        command("run", HERE / "demo.yaml", "--root", root, "--set", f"crawl.source={arguments.media.absolute()}")
    else:
        truths = world(root)
        with served(root / "world" / "media") as url:
            write_list(root / "urls.txt", root / "world" / "media", url)
            command("run", HERE / "demo.yaml", "--root", root, "--set", f"crawl.source={root / 'urls.txt'}")
    if not (root / "manifests" / "clips.parquet").is_file():
        print("\nFAILED: the run stopped before there was a dataset; its message is above")
        return 1
    problems = show_videos(root) if arguments.media else check(root, truths)
    if command("verify", "--root", root) != 0:
        problems.append("verify found damaged files")
    problems += train(root)
    for path in write_overlays(root):
        print(f"wrote {path}")
    command("report", "--root", root)
    print(f"\n{ending(problems, own=bool(arguments.media))} ({time.monotonic() - started:.0f} s)")
    return 1 if problems else 0


def ending(problems: list[str], *, own: bool) -> str:
    """The last line: whether all is well, and against what that was checked."""
    if problems:
        return f"FAILED: {'; '.join(problems)}"
    if own:
        return "OK: there is a dataset"
    return "OK: what was kept, dropped and heard agrees with the ground truth, and the training loss fell"


def command(*words: object) -> int:
    """Run the command line as a person would, and show the command."""
    line = ["yt360", *map(str, words)]
    print(f"\n$ {shlex.join(line)}", flush=True)
    return subprocess.run([sys.executable, str(CHECKOUT / "cli.py"), *line[1:]], check=False).returncode


def world(root: Path) -> list[VideoTruth]:
    """The procedural world of this demo, rendered once."""
    folder = root / "world"
    made = folder / "demo.json"
    wanted = {"videos": VIDEOS, "seed": SEED, "duration_s": DURATION_S}
    if made.is_file() and json.loads(made.read_text()) == wanted:
        return load_truth(folder)
    shutil.rmtree(folder, ignore_errors=True)
    print(
        f"$ yt360 synth {folder} --videos {VIDEOS} --seed {SEED} --duration-s {DURATION_S:g} --defects all", flush=True
    )
    truths = make_world(
        folder, videos=VIDEOS, seed=SEED, duration_s=DURATION_S, defects="all", workers=min(2, usable_cores())
    )
    made.write_text(json.dumps(wanted))
    return truths


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """An HTTP server on this machine over a folder; its URL."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def write_list(path: Path, media: Path, url: str) -> None:
    """A list for crawl: `ID=URL`, or `ID=URL URL` where picture and sound are two files."""
    files: dict[str, list[str]] = {}
    for file in sorted(media.iterdir()):
        files.setdefault(file.name.partition(".")[0], []).append(f"{url}/{file.name}")
    for urls in files.values():
        urls.sort(key=lambda each: each.endswith(".m4a"))  # the picture first
    path.write_text("".join(f"{name}={' '.join(urls)}\n" for name, urls in files.items()))


def check(root: Path, truths: list[VideoTruth]) -> list[str]:
    """Show what was kept and why the rest was not, beside what the world knows; what differs, in words."""
    videos = pd.read_parquet(root / "manifests" / "videos.parquet").set_index("video")
    clips = pd.read_parquet(root / "manifests" / "clips.parquet")
    rows, wrong = [], 0
    for truth in truths:
        found = videos.loc[truth.name] if truth.name in videos.index else None
        verdict = "missing" if found is None else found["status"] if found["status"] == "kept" else found["reason"]
        expected = "kept" if truth.expected == "keep" else truth.expected
        right = verdict == expected
        wrong += not right
        detail = "" if found is None or found["status"] == "kept" else clean(str(found["detail"]), 90)
        rows.append([truth.name, truth.defect or "-", expected, verdict, "" if right else "WRONG", detail])
    print("\n" + table(rows, ["video", "planted", "expected", "found", "", "why"]))
    print(f"{len(rows) - wrong} of {len(rows)} videos agree with the ground truth; {len(clips)} clips")
    differ = [f"{wrong} of {len(rows)} videos differ from the ground truth"] if wrong else []
    return differ + check_directions(clips, truths)


def check_directions(clips: pd.DataFrame, truths: list[VideoTruth]) -> list[str]:
    """Show whether the clips' sound comes from where the world knows it to; what differs, in words."""
    known = {truth.name: truth for truth in truths if truth.directions_hold}
    apart = []
    for clip in clips.to_dict("records"):
        if clip["video"] in known:
            expected = known[clip["video"]].mean_direction(clip["start_s"], clip["start_s"] + clip["duration_s"])
            if np.linalg.norm(expected) > LEAST_DIRECTED:
                found = sphere.unit_vector(np.radians(clip["azimuth_deg"]), np.radians(clip["elevation_deg"]))
                apart.append(float(np.degrees(sphere.angle_between(found, expected))))
    print(
        f"direction of the sound in {len(apart)} clips: at most {max(apart, default=0):.1f}° from the ground truth "
        f"(up to {DIRECTION_LIMIT_DEG:g}° is fine)"
    )
    far = sum(angle > DIRECTION_LIMIT_DEG for angle in apart)
    return [f"the sound of {far} clips comes from elsewhere"] if far else []


def show_videos(root: Path) -> list[str]:
    """Show what was kept and why the rest was not; that nothing was, in words."""
    videos = pd.read_parquet(root / "manifests" / "videos.parquet").fillna({"reason": "", "detail": ""})
    rows = [
        [
            clean(str(row["video"]), 40),
            row["status"],
            row["clips"],
            row["reason"],
            clean(row["detail"], 100),
        ]
        for row in videos.to_dict("records")
    ]
    print("\n" + table(rows, ["video", "status", "clips", "reason", "why"]))
    return [] if (videos["status"] == "kept").any() else ["not one video was kept"]


def train(root: Path) -> list[str]:
    """Train the small model on what was kept; that its loss did not visibly fall in a phase, in words."""
    clips = pd.read_parquet(root / "manifests" / "clips.parquet")
    videos = clips.loc[clips["split"] == "train", "video"].nunique()
    if videos < 2:
        print(f"\n{videos} videos to train on: training needs at least two, so it is left out")
        return []
    out = root / "train"
    words: list[str] = []
    for phase, batch in enumerate(BATCHES):
        if videos < batch:
            words += ["--set", f"phases.{phase}.batch={videos}"]
    if command("train", HERE / "train" / "demo.yaml", "--root", root, "--out", out, *words) != 0:
        return ["training stopped"]
    losses: dict[str, list[float]] = {}
    steps: dict[str, int] = {}
    for line in (out / "log.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["kind"] == "step":
            losses.setdefault(record["phase"], []).append(record["loss"])
            steps[record["phase"]] = record["step"]
    for name, values in losses.items():
        print(f"{name}: loss {mean(values[:2]):.3f} at the start, {mean(values[-3:]):.3f} at the end")
    print(MEANING.format(steps=sum(steps.values()), videos=videos))
    flat = [name for name, values in losses.items() if mean(values[-3:]) >= FELL * mean(values[:2])]
    return [f"the loss of {name} did not fall" for name in flat]


if __name__ == "__main__":
    sys.exit(main())
