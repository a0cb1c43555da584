"""Fits the likelihoods by which the projection of a picture is told (``yt360/media/projection/evidence.py``).

    python -m fitting.projection OUT [--worlds 24] [--photographs DIR] [--evaluations 300]

Draws procedural worlds (seeds from 0) in 17 kinds of picture, with tiles, patches, logos, caps and tripods at their
poles, by night and in fog, small and badly coded, measures them as ``inspect`` does, and finds the parameters that
make the truth most probable, near where they start. What is measured is kept in OUT, so that a second run only fits.
Kinds weigh as often as they are met, and small steps away from the start cost something: with few worlds, what they
do not tell stays.

How calm half the height of a frame is and what its grain is, is printed by kind, for worlds and for photographs apart:
``calm``, ``lively``, ``grain`` and their spreads are rounded from there, and ``_AT_LATITUDES``. Photographs are
equirectangular pictures of a folder; those that were looked at are 14 of the examples of panolens.js (commit 9fb3e35)
and Mars of Stellarium 0.22.2 with a plain sky, beside worlds 0 to 39. How much more often a wrong statement has eyes or
projection right (``_HALF_RIGHT``) was chosen from 1, 3, 5, 8 and 10 by how many of both are found under true and under
false metadata. ``benchmarks/media_projection.py`` judges on recordings and photographs of other sources.
"""

from __future__ import annotations

import argparse
import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from tqdm import tqdm

from benchmarks.media_pictures import HEIGHT, LIGHTS, POLES, WIDTH, Picture, blemished, pictures, world
from yt360.media.projection.content import measure_picture
from yt360.media.projection.evidence import Likelihoods, PictureMeasures, evidence
from yt360.media.projection.hypotheses import hypotheses

Vector = NDArray[np.float64]

FITTED = ("closed", "open_spread", "torn", "chance", "many", "stretched", "plain", "covered")
"""Parameters that are fitted; what two eyes have in common is not: ours differ by a shift alone."""

_SHARES = ("torn", "chance", "covered")
_NARROWEST = 0.03

_MET = {"equirectangular": 4.0, "equirectangular-tb": 2.0, "flat": 2.5, "half-left-right": 1.5}
"""How often a kind is met, where not 0.5."""

_STAY = 0.002
"""Cost (log probability) of a parameter that is one step away from where it starts."""

_DETAILED = 3.0
"""Gray levels of change from which a picture is detailed enough to have a grain."""

_LEAST = 1e-4
"""Probability of the truth below which an error costs no more: what nobody can tell shall not decide."""


@dataclass(frozen=True)
class Sample:
    """Measures of one picture, the hypothesis that is right, and the world or photograph that it was drawn from."""

    kind: str
    truth: str
    measures: PictureMeasures
    source: str = "world"


def samples(out: Path, worlds: int, photographs: Path | None = None) -> list[Sample]:
    """What was measured of the worlds 0 to ``worlds`` and of the photographs of a folder, kept in ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    sources: list[tuple[str, int | Path]] = [(f"world-{seed}", seed) for seed in range(worlds)]
    if photographs:
        sources += [(f"photograph-{path.stem}", path) for path in sorted(photographs.iterdir())]
    found: list[Sample] = []
    for name, source in tqdm(sources, unit="source"):
        path = out / f"{name}.pickle"
        if not path.exists():
            drawn = _of_world(source) if isinstance(source, int) else _of_photograph(source)
            path.write_bytes(
                pickle.dumps(
                    [Sample(p.kind, p.truth, measure_picture(p.frames, p.width, p.height), name) for p in drawn]
                )
            )
        found += pickle.loads(path.read_bytes())
    return found


def _of_world(seed: int) -> Iterator[Picture]:
    rng = np.random.default_rng([1, seed])
    poles = POLES[rng.integers(len(POLES))] if seed % 4 else "none"
    light = LIGHTS[rng.integers(len(LIGHTS))] if seed % 2 else "none"
    yield from pictures(blemished(world(seed), rng, poles, light), rng)


def _of_photograph(path: Path) -> Iterator[Picture]:
    """As it is, with something at its poles, and in another light."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise SystemExit(f"{path} is no picture that OpenCV reads: leave only photographs in its folder")
    base = np.stack([cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(float)] * 2)
    rng = np.random.default_rng([1, *path.stem.encode()])
    for number in range(3):
        poles = POLES[rng.integers(len(POLES))] if number == 1 else "none"
        light = LIGHTS[rng.integers(len(LIGHTS))] if number == 2 else "none"
        yield from pictures(blemished(base, rng, poles, light), rng)


def spreads(found: list[Sample]) -> Iterator[str]:
    """For each kind of picture of each hand: how calm half the height is, and the grain, where there is detail."""
    for hand in ("world", "photograph"):
        for kind in dict.fromkeys(sample.kind for sample in found):
            here = [sample.measures for sample in found if sample.kind == kind and sample.source.startswith(hand)]
            inner = [calm for calm, change in (one.inner_poles for one in here) if change > _DETAILED]
            grain = [ratio for ratio, change in (one.grain for one in here) if change > _DETAILED]
            if inner and grain:
                middle = " ".join(f"{value:6.2f}" for value in np.percentile(inner, [5, 25, 50, 75, 95]))
                yield f"{hand:10s} {kind:20s} {middle}   grain {np.median(grain):6.2f} ± {np.std(grain):.2f}"


def to_vector(likelihoods: Likelihoods) -> Vector:
    """The fitted parameters in a row; shares as logarithms."""
    values: list[float] = []
    for name in FITTED:
        value = getattr(likelihoods, name)
        values += value if isinstance(value, tuple) else [np.log(value) if name in _SHARES else value]
    return np.array(values)


def from_vector(vector: Vector) -> Likelihoods:
    """The inverse of :func:`to_vector`, kept within what makes sense."""
    values = [float(value) for value in vector]
    found: dict[str, Any] = {}
    for name in FITTED:
        if isinstance(getattr(Likelihoods(), name), tuple):
            found[name] = (values.pop(0), max(_NARROWEST, abs(values.pop(0))))
        else:
            value = values.pop(0)
            found[name] = float(np.exp(min(value, -0.1))) if name in _SHARES else max(_NARROWEST, abs(value))
    return Likelihoods(**found)


def loss(likelihoods: Likelihoods, found: list[Sample]) -> float:
    """Mean cost of the truth: minus the logarithm of its probability without metadata."""
    every = hypotheses()
    names = list(every)
    prior = np.log([every[name].prior for name in names])
    met = Counter(sample.kind for sample in found)
    total = weights = 0.0
    for sample in found:
        terms = evidence(sample.measures, likelihoods)
        logs = prior + [sum(terms[name].values()) for name in names]
        share = np.exp(logs - logs.max())
        truth = every[sample.truth]
        right = [
            every[name].projection == truth.projection
            and (every[name].stereo == truth.stereo or not truth.whole_sphere)
            for name in names
        ]
        weight = _MET.get(sample.kind, 0.5) / met[sample.kind]
        total -= weight * float(np.log(max(_LEAST, share[right].sum() / share.sum())))
        weights += weight
    return total / weights


def main() -> None:
    """Measure, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder for what is measured")
    parser.add_argument("--worlds", type=int, default=24)
    parser.add_argument("--photographs", type=Path, help="folder of equirectangular photographs")
    parser.add_argument("--evaluations", type=int, default=300)
    options = parser.parse_args()
    found = samples(options.out, options.worlds, options.photographs)
    print("half the height against the equators: percentiles 5 25 50 75 95", *spreads(found), sep="\n")
    start = to_vector(Likelihoods())
    steps = 0.5 * np.abs(start) + 0.1

    def cost(vector: Vector) -> float:
        return loss(from_vector(vector), found) + _STAY * float((((vector - start) / steps) ** 2).sum())

    print(f"{len(found)} pictures, start {cost(start):.4f}")
    best = minimize(cost, start, method="Nelder-Mead", options={"maxfev": options.evaluations})
    print(f"end {best.fun:.4f}\n{from_vector(best.x)}")


if __name__ == "__main__":
    main()
