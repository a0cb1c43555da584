"""Weighs the evidence of post-production: log odds of the classifier, shares of tiles, partials, swells and bins.

    python -m fitting.evidence OUT --speech DIR --music DIR [--scenes 200] [--workers 2]

Makes scenes with and without layers, measures them as the stage does, and fits one logistic regression a kind; prints
what stands in ``yt360/filters/post_production/measurement.py``, thresholds for a share of false alarms, and the recall
that they give. Speakers and instruments are those of the part ``fitting``; half of the voices and pieces are
recordings, because invented music leaves more lone tones than real music does. Nothing of it is used by
``benchmarks/filters.py``.

The weights in the repository: music of Debian's packages supertux-data, wesnoth-1.16-music, frozen-bubble-data and
extremetuxracer-data (90 pieces) and the prompts in four languages of asterisk-core-sounds-{en,fr,es,ru}-g722. Those of
``omni`` and ``bed`` come from this fit on 456 clean scenes (0 to 149 and 1000 to 1305), 60 of them with each layer at
0 dB; thresholds are the lowest, rounded, at which all three kinds together keep below 3 % of these: 12 are taken for
post-production, and 52, 56, 58, 56 of 60 beds (±30, 45, 60, 90), 57 of 60 times music in W, 54 of 60 voices in W and
in front are found. Without ``bins``, fitted on fewer scenes, it was 16, and 51, 53, 55, 55; 54; 53, 54.
Those of ``bed`` are newer, and apart for sound without Z: fitted by hand in this way, when the diffuse field was taken
out of averages, on 178 clean scenes of 10 to 20 s (72 without Z; of 6000 to 6199 and 6300 to 6330), 38 of them with
a pair of each angle at 0 dB, in turn pieces of music (four in five recorded) and panned mixes. Of the clean ones 1 of
106 and, without Z, 1 of 72 are taken for a bed (with the weights and averages before: 2 and 9), of the layered ones 76
of 80 and 58 of 72 are found (before: 71 and 53). Without Z the bias is lower than the fit's, for a guitarist of
``../shared/media`` (NdE7uYVaynQl_0), whom it took for a bed.
Those of ``front`` are older: fitted by hand in this way on 260 clean scenes (104 of them with layers).
A finished scene is not made again. (The invented voices had other noise in them then than they have now.)
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from fitting import recordings
from fitting.post_production import KINDS
from yt360 import ambisonics
from yt360.filters.post_production import measurement
from yt360.synth import mixes

SECONDS = 20.0
LAYERS = (
    *(("voice-w", 0.0), ("voice-w", 6.0), ("voice-front", 0.0), ("music-w", 0.0)),
    *((f"bed-{half_angle_deg}", 0.0) for half_angle_deg in (30, 45, 60, 90)),
    *((f"panned-{half_angle_deg}", 0.0) for half_angle_deg in (30, 45, 60, 90)),
)
"""``panned`` are pairs that play mono sounds, each panned by level to one place, as mixes of few instruments are."""

LAYERED = 2
"""Of five scenes so many are measured with layers, too: false alarms are rare and need many controls."""

HORIZONTAL = 0.35
"""Share of the scenes that have no Z: what tells a bed is weighed apart in them."""

_RIDGE = (0.02, 0.001)
"""Of the network's weight, and of the others'."""

_BINS_FULL = 0.75
"""Of all bins: half of it at least must be there, which is more than three bands of nine. Made microphones never look
like a layer in one band; a real one under water did, once."""

_AVERAGES_FULL = 0.25
"""Ten standard deviations beyond chance."""

_FALSE_ALARMS = {"omni": 0.25, "front": 0.1, "bed": 0.65}
"""How the allowed false alarms are shared among the kinds."""


@functools.cache
def material(speech: Path, music: Path) -> mixes.Material:
    """Voices and pieces of music of two folders."""
    return mixes.Material("fitting", recordings.voices(speech), recordings.pieces(music))


def panned(rng: np.random.Generator, stuff: mixes.Material, samples: int, half_angle_deg: float) -> NDArray[np.float64]:
    """A pair ``(4, samples)`` that plays two to four mono sounds at places of their own, W with an RMS of 1."""
    left, right = np.zeros(samples), np.zeros(samples)
    for _ in range(int(rng.integers(2, 5))):
        sound = stuff.stereo(rng, samples).mean(axis=0) if rng.random() < 0.7 else stuff.voice(rng, samples)
        sound = sound / max(1e-6, float(np.sqrt(np.mean(sound**2)))) * 10 ** (rng.uniform(-10, 0) / 20)
        place = rng.uniform(0.1, np.pi / 2 - 0.1)
        left, right = left + np.cos(place) * sound, right + np.sin(place) * sound
    angle = np.deg2rad(half_angle_deg)
    pair = ambisonics.encode(left, angle, 0.0) + ambisonics.encode(right, -angle, 0.0)
    return np.asarray(pair / max(1e-9, float(np.sqrt(np.mean(pair[ambisonics.W] ** 2)))))


def make(out: Path, speech: Path, music: Path, number: int) -> None:
    """Measure one scene as it is, and maybe with each layer."""
    path = out / f"{number:04d}.json"
    if path.is_file():
        return
    stuff, rng = material(speech, music), np.random.default_rng((4711, number))
    content = mixes.CONTENTS[number % len(mixes.CONTENTS)]
    kind = mixes.draw_kind(rng, content, indoor=bool(number // len(mixes.CONTENTS) % 2))
    kind = replace(kind, horizontal=bool(rng.random() < HORIZONTAL))
    scene = mixes.scene(rng, kind, stuff, SECONDS)
    codec = str(rng.choice(["", "opus", "vorbis", "aac"]))
    rows = []
    for what, level_db in (("", 0.0), *(LAYERS if number % 5 < LAYERED else ())):
        layers = {}
        if what.startswith("panned"):
            layers[what] = panned(rng, stuff, scene.shape[1], float(what.partition("-")[2]))
        elif what:
            layers[what] = mixes.post_production(rng, what, stuff, scene.shape[1])
        foa = mixes.mix(scene, kind, layers, {what: level_db}).foa
        measures, _ = measurement.measure([mixes.delivered(foa, codec) if codec else foa])
        rows.append({"what": what, "level_db": level_db, "scene": number, "measures": measures})
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(rows), encoding="utf-8")
    partial.rename(path)


def _features(rows: list[dict[str, Any]], kind: str, full: dict[str, float]) -> NDArray[np.float64]:
    network = np.clip([row["measures"]["network"][kind] for row in rows], 1e-5, 1 - 1e-5)
    columns = [np.clip(np.log(network / (1 - network)), -measurement.MOST_LOGIT, measurement.MOST_LOGIT)]
    for name, limit in full.items():
        columns.append(np.minimum(1, np.array([row["measures"][name][kind] for row in rows]) / limit) ** 2)
    return np.stack(columns, axis=1)


def _grids(kind: str) -> Iterator[dict[str, float]]:
    """Shares from which on each says all that it can."""
    middle = {
        "omni": (0.1, 0.04, 0.04, _BINS_FULL),
        "front": (0.2, 0.012, 0.012),
        "bed": (0.05, 0.015, 0.015, _AVERAGES_FULL),
    }[kind]
    each = ((0.5, 1, 2), (0.35, 0.5, 1, 2), (0.25, 0.5, 1, 2), (0.5, 0.75, 1))
    for factors in itertools.product(*each[: len(middle)]):
        full = (share * factor for share, factor in zip(middle, factors, strict=True))
        yield dict(zip(measurement.SHARES[kind], full, strict=True))


def _layered(row: dict[str, Any], kind: str) -> bool:
    return row["what"].replace("panned", "bed") in KINDS[kind]


def fit(rows: list[dict[str, Any]], kind: str) -> tuple[dict[str, float], NDArray[np.float64], NDArray[np.float64]]:
    """(where shares are full, weights and bias, log odds of all rows); no weight is negative."""
    there = np.array([_layered(row, kind) for row in rows])
    used = there | np.array([row["what"] == "" for row in rows])
    weight = np.where(there, 1 / there.sum(), 1 / max(1, (used & ~there).sum())) * used

    def once(full: dict[str, float]) -> tuple[float, dict[str, float], NDArray[np.float64], NDArray[np.float64]]:
        inputs = _features(rows, kind, full)
        ridge = np.array([_RIDGE[0], *[_RIDGE[1]] * (inputs.shape[1] - 1)])

        def loss(values: NDArray[np.float64]) -> float:
            logits = inputs @ values[:-1] + values[-1]
            return float(np.logaddexp(0, np.where(there, -logits, logits)) @ weight + ridge @ values[:-1] ** 2)

        bounds = [(0.05, None), *[(0.0, None)] * (inputs.shape[1] - 1), (None, None)]
        start = np.array([0.5, *[3.0] * (inputs.shape[1] - 1), -2.0])
        found = minimize(loss, start, bounds=bounds)
        return float(found.fun), full, found.x, inputs @ found.x[:-1] + found.x[-1]

    _, full, values, logits = min((once(full) for full in _grids(kind)), key=lambda each: each[0])
    return full, values, logits


def _groups(rows: list[dict[str, Any]], kind: str) -> list[tuple[str, NDArray[np.intp]]]:
    """Which rows have weights of their own for a kind: in words, and their places."""
    without_z = np.array([row["measures"]["bins"]["without_z"] for row in rows])
    if kind != "bed" or not without_z.any():
        return [(kind, np.arange(len(rows)))]
    return [("bed", np.flatnonzero(~without_z)), ("bed without Z", np.flatnonzero(without_z))]


def report(rows: list[dict[str, Any]], allowed: float) -> None:
    """Print weights, thresholds for ``allowed`` false alarms (a share of the clean scenes), and recall."""
    clean = np.array([row["what"] == "" for row in rows])
    caught = np.zeros(len(rows), bool)
    for kind in KINDS:
        for words, chosen in _groups(rows, kind):
            if clean[chosen].all() or not clean[chosen].any():
                print(f"{words}: expected scenes with and without a layer, found one of both: make more --scenes")
                continue
            full, values, logits = fit([rows[k] for k in chosen], kind)
            heard = np.array([measurement.audible(rows[k]["measures"]["heard"][kind]) for k in chosen])
            scores = heard / (1 + np.exp(-logits))
            limit = float(np.quantile(scores[clean[chosen]], 1 - allowed * _FALSE_ALARMS[kind]))
            caught[chosen] |= scores >= limit
            shares = ", ".join(
                f"{name} full at {full[name]:.4f} adds {odds:.2f}"
                for name, odds in zip(full, values[1:-1], strict=True)
            )
            numbers = f"bias {values[-1]:.2f}, network {values[0]:.2f}, {shares}; threshold {limit:.3f}"
            print(f"{words}: {numbers}")
    print(f"false alarms {caught[clean].sum()} of {clean.sum()}")
    for what, level_db in LAYERS:
        here = np.array([row["what"] == what and row["level_db"] == level_db for row in rows])
        print(f"{what} at {level_db:+g} dB: {caught[here].sum()} of {here.sum()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--speech", type=Path, required=True, help="a folder with a folder a speaker")
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--allowed", type=float, default=0.03, help="share of false alarms")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(make, arguments.out, arguments.speech, arguments.music, number)
            for number in range(arguments.scenes)
        ]
        for job in jobs:
            job.result()
    paths = sorted(arguments.out.glob("*.json"))
    report([row for path in paths for row in json.loads(path.read_text(encoding="utf-8"))], arguments.allowed)


if __name__ == "__main__":
    main()
