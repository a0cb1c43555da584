"""The main job, end to end: videos → dataset → a trained model → features. `make demo` runs this.

Without arguments a procedural world is rendered, served by an HTTP server on this machine and
crawled through yt-dlp; what the pipeline kept and dropped is checked against what the world knows.
In the end the model that comes with yt360, which knows such worlds, is asked where things sound and what sounds alike.
With --media DIR a folder of your own takes the world's place, and that model, which knows nothing of it, is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import json
import math
import operator
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd

from yt360 import sphere
from yt360.cli.common import table, usable_cores
from yt360.cli.plain_text import clean
from yt360.engine.storage import Root
from yt360.errors import Yt360Error
from yt360.models.shipped import SHIPPED_MODEL
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

FOUND = (
    "{video} has {things}. In half of its moments the model's best match is within {seen:.0f}° of where\n"
    "the sound comes from (a guess: about 90°); the energy of the sound field alone, which knows nothing of pictures,\n"
    "within {heard:.0f}°. What a model adds is which of the things that one sees it is. This one is small and knows\n"
    "procedural worlds only; for your own files take a model of your own: docs/how-to/embed.md."
)
"""What a person should make of the map."""

SEARCHED = ("video_embedding", "predicted_video_embedding")
"""What is seen, and what the model expects to see where it hears something: video is found by sound with these."""

ALSO_RIGHT = {"voiceover_w": ("uncertain-ambisonics",)}
"""Planted -> other right verdicts: beside a loud voice in W, the other channels may seem to be of no field with it."""

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
    if truths:
        problems += use_shipped_model(root, truths)
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
        right = verdict == expected or verdict in ALSO_RIGHT.get(truth.defect or "", ())
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


def use_shipped_model(root: Path, truths: list[VideoTruth]) -> list[str]:
    """Features of all clips, a search in them, and a map of one video by the shipped model; what stopped, in words."""
    clips = pd.read_parquet(root / "manifests" / "clips.parquet")
    kept = set(clips["video"])
    fit = [truth for truth in truths if truth.directions_hold and len(truth.files) == 1 and truth.name in kept]
    if not fit:
        return ["no video is left whose sound comes from where the world knows it to"]
    video = max(fit, key=lambda truth: float(np.linalg.norm(truth.mean_direction(0, DURATION_S))))
    clip = str(clips.loc[clips["video"] == video.name, "clip"].min())
    model, features, where = ("--model", SHIPPED_MODEL), root / "features.parquet", root / "where"
    kinds = [word for kind in SEARCHED for word in ("--modality", kind)]
    if command("embed", "--root", root, *model, *kinds, "--out", features) != 0:
        return ["embed stopped"]
    if command("search", *model, "--index", features, "--like", clip, "--by", "sound", "--find", "video") != 0:
        return ["search stopped"]
    file = root / "world" / "media" / video.files[0]
    if command("localise", file, *model, "--out", where, "--every", 1) != 0:
        return ["localise stopped"]
    seen, heard = map_errors_deg(pd.read_parquet(where / "localisation.parquet"), video)
    print(
        FOUND.format(video=video.name, things=", ".join(thing.name for thing in video.things), seen=seen, heard=heard)
    )
    return []


def map_errors_deg(maps: pd.DataFrame, truth: VideoTruth) -> tuple[float, float]:
    """Median angle from where the sound comes from to the best match, and to the most energy, over the moments."""
    moments: dict[float, list[dict[str, Any]]] = {}
    for row in maps.to_dict("records"):
        moments.setdefault(row["start_s"], []).append({str(name): value for name, value in row.items()})
    angles: dict[str, list[float]] = {"match": [], "energy_db": []}
    for start_s, grid in moments.items():
        known = truth.mean_direction(start_s, start_s + 1)
        if np.linalg.norm(known) > LEAST_DIRECTED:
            for name, found in angles.items():
                best = max(grid, key=operator.itemgetter(name))
                looked = sphere.unit_vector(np.radians(best["azimuth_deg"]), np.radians(best["elevation_deg"]))
                found.append(float(np.degrees(sphere.angle_between(looked, known))))
    match, energy = (float(np.median(found)) if found else math.nan for found in angles.values())
    return match, energy


if __name__ == "__main__":
    sys.exit(main())
