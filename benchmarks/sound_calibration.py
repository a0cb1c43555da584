"""Is "90 % sure" right nine times of ten? Likelihoods of four-channel sound on sources that nothing was fitted on.

    python -m benchmarks.sound_calibration [--real ../shared/real] [--seeds 12] [--plot calibration.png]

Two judges: the generator of ``benchmarks/media_sounds.py`` (its own physics and sources), and real recordings, each
as it is and rewritten with W low, in N3D, as X Y W Z, as capsules and decoded to loudspeakers. Every kind of signal
counts alike and no prior is used: what is tested is the likelihood model. For real recordings the table also leaves
one source out at a time: the share of right answers of each source alone.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.media_sounds import INVALID, RATE_HZ, foa_scene
from yt360 import ambisonics
from yt360.errors import UsageError
from yt360.media.ambisonic.measures import measure_ambisonics
from yt360.media.ambisonic.model import shipped_model
from yt360.media.inspect import inspect_media

SECONDS = 6
BINS = (0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0)
_KINDS = {"mono-in-w": "mono-in-w", "mono-copied": "copies", "stereo-twice": "copies", "stereo-and-silence": "copies",
          "mid-side": "copies", "quad": "feeds", "surround-4.0": "feeds", "independent": "independent",
          "delayed-copies": "copies", "capsules": "capsules"}  # fmt: skip
"""What the generator's kinds are to the model."""

_N3D = re.compile(r"(?<!S)N3D")


@dataclass(frozen=True)
class Answer:
    """``sure`` is the probability of the likeliest kind of signal."""

    source: str
    truth: str
    found: str
    sure: float

    @property
    def right(self) -> bool:
        return self.truth == self.found


def rewritten(foa: NDArray[np.floating]) -> Iterator[tuple[str, NDArray[np.floating]]]:
    """A field ``(4, n)`` AmbiX as each kind of signal that is a matrix of it."""
    yield "field", foa
    yield "field-w-low", ambisonics.from_ambix(foa, "fuma")
    yield "field-n3d", ambisonics.from_ambix(foa, "n3d")
    yield "w-elsewhere", foa[[3, 1, 0, 2]] * np.array([1, 1, 1, 0.5**0.5])[:, None]
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    yield "capsules", 0.5 * (foa[0] + corners @ foa[1:])
    azimuth = np.radians([45, -45, 135, -135])[:, None]
    yield "feeds", foa[0] + np.cos(azimuth) * foa[3] + np.sin(azimuth) * foa[1]


def generated(seeds: int, first_seed: int = 9000) -> Iterator[Answer]:
    """Sounds of the generator that the other benchmarks use."""
    samples = SECONDS * RATE_HZ
    for seed in range(first_seed, first_seed + seeds):
        for kind, channels in rewritten(foa_scene(np.random.default_rng(seed), samples)):
            yield from _answer("generator", kind, channels, RATE_HZ)
        for name, make in INVALID.items():
            yield from _answer("generator", _KINDS[name], make(np.random.default_rng(seed), samples), RATE_HZ)


def real(folder: Path) -> Iterator[Answer]:
    """Recordings whose truth is certain, by their source (column ``source``, without revision and file)."""
    with (folder / "TRUTH.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        truth, source = row["sound_truth"], row["source"].partition("@")[0].rpartition(":")[2]
        field = truth.startswith("valid FOA") and "by construction" not in truth and not _N3D.search(truth)
        apart = truth.startswith(("NOT ambisonics", "labelled FOA but not valid"))
        if row["confidence"] != "high" or not (field or apart):
            continue
        heard = inspect_media(folder / row["file"]).heard
        if heard is None:
            continue
        sound = np.concatenate([window[:4] for window in heard.windows], axis=1)
        kinds = rewritten(sound) if field else [("spaced" if truth.startswith("NOT") else "differences", sound)]
        source = row["file"].partition("/")[2].rpartition("_")[0] if source.startswith("OmniAudio") else source
        for kind, channels in kinds:
            yield from _answer(source, kind, channels, heard.rate_hz)


def _answer(source: str, truth: str, channels: NDArray[np.floating], rate_hz: int) -> Iterator[Answer]:
    measures = measure_ambisonics([channels.astype(np.float32)], rate_hz)
    if measures["features"]:
        found = shipped_model().likelihoods(measures["features"])
        best = max(found, key=lambda name: found[name])
        yield Answer(source, truth, best, found[best])


def reliability(answers: list[Answer]) -> list[tuple[float, float, int]]:
    """(mean probability, share right, count) in each bin; every kind of signal counts alike."""
    counts: dict[str, int] = defaultdict(int)
    for answer in answers:
        counts[answer.truth] += 1
    found = []
    for low, high in itertools.pairwise(BINS):
        inside = [answer for answer in answers if low < answer.sure <= high]
        if inside:
            weight = np.array([1 / counts[answer.truth] for answer in inside])
            sure, right = np.array([a.sure for a in inside]), np.array([a.right for a in inside])
            said, share = np.average(sure, weights=weight), np.average(right, weights=weight)
            found.append((float(said), float(share), len(inside)))
    return found


def plot(path: Path, curves: dict[str, list[tuple[float, float, int]]]) -> None:
    """Said against found, a line a judge."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("a plot needs matplotlib: pip install 'yt360[report]'") from error
    figure = Figure(figsize=(5, 5), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--")
    for name, curve in curves.items():
        axes.plot([said for said, _, _ in curve], [right for _, right, _ in curve], marker="o", label=name)
    axes.set(xlabel="probability of the likeliest kind of signal", ylabel="share that was right", xlim=(0.2, 1),
             ylim=(0.2, 1.02), title="Sounds of sources that nothing was fitted on")  # fmt: skip
    axes.legend()
    figure.savefig(path)


def main() -> None:
    """Listen, count, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, default=Path("../shared/real"))
    parser.add_argument("--seeds", type=int, default=12, help="scenes of the generator")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    judges = {"another generator": list(generated(options.seeds))}
    if options.real.is_dir():
        judges["real recordings"] = list(real(options.real))
    curves = {name: reliability(answers) for name, answers in judges.items()}
    for name, curve in curves.items():
        print(f"{name}: {len(judges[name])} sounds")
        for said, right, count in curve:
            print(f"  said {100 * said:5.1f} %  right {100 * right:5.1f} %  of {count}")
        sure = [answer for answer in judges[name] if answer.sure >= 0.9]
        print(f"  at least 90 % sure: {len(sure)}, right {100 * np.mean([a.right for a in sure]):.1f} %")
        kinds = sorted({answer.truth for answer in judges[name]})
        for kind in kinds:
            these = [answer for answer in judges[name] if answer.truth == kind]
            print(f"  {kind:12s} right {sum(a.right for a in these):4d} of {len(these)}")
    for source in sorted({answer.source for answer in judges.get("real recordings", [])}):
        these = [answer for answer in judges["real recordings"] if answer.source == source]
        print(f"  {source}: right {sum(a.right for a in these)} of {len(these)}")
    if options.plot:
        plot(options.plot, curves)


if __name__ == "__main__":
    main()
