"""Films with known truth through the filter of stills: what its limits were chosen on.

    python -m fitting.stills OUT [--rounds 6] [--workers 2]

Films are those of ``fitting/films.py``, each through one of the encoders of ``benchmarks/filters_coding.py`` in turn;
what the stage sees of them is kept in OUT, and a finished film is not made again. Prints, by kind, how many are judged
right, and the curve by which a score becomes a probability (``yt360/filters/stills/certainty.py``; the one there is of
319 films of these kinds, with more overlays, captions and tripods than a round has, and more at low bitrates).
``python -m benchmarks.filters hands-stills`` judges on photographs and recordings of other sources.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks import filters_coding as coding
from fitting import films
from yt360.filters.stills import certainty, decision, frame_differences
from yt360.stages.stills import Stills

Job = tuple[str, str, int, str]
"""``still``, ``alive`` or ``recording``; its name, the round, the encoder."""


def jobs(rounds: int) -> Iterator[Job]:
    """All films; encoders, and what is done to recordings, take turns."""
    codings, treatments, number = list(coding.CODINGS), list(films.TREATMENTS), 0
    for turn in range(rounds):
        kinds = [("still", name) for name in films.STILLS] + [("alive", name) for name in films.ALIVE]
        for place, recording in enumerate(films.RECORDINGS):
            kinds.append(("recording", f"{recording}|{treatments[(place + turn) % len(treatments)]}"))
        for side, name in kinds:
            number += 1
            yield side, name, turn, codings[number % len(codings)]


def make(out: Path, job: Job) -> Path:
    """Film, encode and look at one; the file with what is seen of it."""
    side, name, _, code = job
    seed = zlib.crc32(repr(job).encode())
    path = out / f"{side}-{seed:08x}.npz"
    if path.is_file():
        return path
    rng = np.random.default_rng(seed)
    if side == "recording":
        recording, treatment = name.split("|")
        frames = films.TREATMENTS[treatment](films.recording(recording), rng)
    else:
        frames = (films.STILLS if side == "still" else films.ALIVE)[name](rng, *films.pictures(seed % 9973))
    with tempfile.TemporaryDirectory() as scratch:
        video = Path(scratch) / "v.mkv"
        every_other = (frame for number, frame in enumerate(frames) if number % 2 == 0)
        size = coding.write(video, every_other, films.FPS / 2, code)
        seen = np.stack(list(coding.seen(video, *size)))
    partial = path.with_suffix(".part.npz")
    np.savez_compressed(partial, frames=seen, job=json.dumps(job))
    partial.rename(path)
    return path


def judged(path: Path) -> tuple[Job, bool, float]:
    """A film, whether the stage's usual limits call it a still, and its score."""
    with np.load(path, allow_pickle=False) as kept:
        job, frames = json.loads(str(kept["job"])), kept["frames"]
    stage = Stills()
    rate_hz = stage.params.rate_hz
    steps = frame_differences.measure_window(frames, window=0, start_s=0.0, fps=rate_hz, settings=stage.params)
    still = decision.judge(steps, stage.thresholds) is not None
    return tuple(job), still, certainty.score(steps, stage.thresholds)


def curve(scores: NDArray[np.float64], still: NDArray[np.bool_]) -> tuple[float, float]:
    """Log odds of a score of 0, and what one of 1 adds: logistic regression, both sides with the same weight."""
    weight = np.where(still, 0.5 / still.sum(), 0.5 / (~still).sum())

    def loss(values: NDArray[np.float64]) -> float:
        logits = values[0] + values[1] * scores
        return float(np.logaddexp(0, np.where(still, -logits, logits)) @ weight)

    bias, slope = minimize(loss, [-3.0, 6.0]).x
    return float(bias), float(slope)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    right: dict[str, list[bool]] = defaultdict(list)
    scores: list[tuple[float, bool]] = []
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(make, arguments.out, job) for job in jobs(arguments.rounds)]
        for path in (each.result() for each in waiting):
            (side, name, _, _), still, score = judged(path)
            scores.append((score, side == "still"))
            for group in (f"{side}: {name}", "all stills" if side == "still" else "all that lives"):
                right[group].append(still == (side == "still"))
    for group, found in sorted(right.items()):
        print(f"{group}: {sum(found)} of {len(found)}")
    bias, slope = curve(np.array([score for score, _ in scores]), np.array([still for _, still in scores]))
    print(f"BIAS, SLOPE = {bias:.1f}, {slope:.1f}")


if __name__ == "__main__":
    main()
