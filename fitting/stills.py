"""Fits how probable it is that a video is a still (``yt360/filters/stills/classifier.npz``).

    python -m fitting.stills OUT [--turns 8] [--workers 2] [--write]

Films are those of ``fitting/stills_films.py``; they and what was measured of them are kept in OUT, and a finished one
is not made again. Each counts twice: looked at as a whole, and in two windows as a longer video is. Prints how well the
rules alone and the classifier do on films of which nothing was fitted on, neither on a film of its kind nor, in a
second pass, on its picture or recording; the probabilities are calibrated on the second. The threshold in
``thresholds.py`` is the lowest, in tenths, at which neither pass keeps fewer than the rules. ``--write`` ships the fit.
``python -m benchmarks.filters hands-stills`` judges on photographs and recordings of other sources.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from fitting import stills_films
from fitting.stills_films import Job
from yt360.filters.stills import certainty, classifier, decision, frame_differences
from yt360.filters.stills.certainty import RULES
from yt360.filters.stills.classifier import Classifier
from yt360.filters.stills.limits import LIMITS
from yt360.filters.stills.thresholds import StillsThresholds
from yt360.stages.stills import Stills

_FOLDS = 8
_SEED = 0
"""Of the folds, and of the trees."""

_SPREAD = 0.5
"""Inverse of how strongly the linear part's weights are held down (scikit-learn's ``C``)."""

_TREES, _RATE, _PART, _TRIED, _DEPTH = 200, 0.06, 0.6, 12, 3
"""Number of trees, how much each adds, the part of the films and the number of features that each sees, and its
depth."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Film(NamedTuple):
    """``values`` ``(2, n)`` are the features of both views, ``ruled`` ``(2,)`` whether the rules call it a still."""

    kind: str
    source: str
    code: str
    still: bool
    values: Floats
    ruled: Flags


def film(out: Path, job: Job) -> tuple[Film, tuple[str, ...]]:
    """One film's features, and their names."""
    path = stills_films.make(out, job)
    kept = path.with_suffix(".json")
    if not kept.is_file():
        seen = stills_films.read(path)
        views = {"whole": [seen.frames], "windows": np.array_split(seen.frames, 2)}
        told = {"kind": seen.kind, "source": seen.source, "code": seen.code, "still": seen.still}
        partial = kept.with_suffix(".part")
        partial.write_text(json.dumps(told | {name: _packed(windows) for name, windows in views.items()}))
        partial.rename(kept)
    told = json.loads(kept.read_text())
    columns = [frame_differences.unpack(told[view]) for view in ("whole", "windows")]
    evidence = [certainty.evidence(each) for each in columns]
    return Film(
        told["kind"],
        told["source"],
        told["code"],
        told["still"],
        np.array([list(each.values()) for each in evidence]),
        np.array([decision.judge(each, LIMITS) is not None for each in columns]),
    ), tuple(evidence[0])


def _packed(windows: Sequence[NDArray[np.uint8]]) -> str:
    params = Stills().params
    rate_hz = params.rate_hz
    steps = [
        step
        for index, frames in enumerate(windows)
        for step in frame_differences.measure_window(
            frames, window=index, start_s=index * len(windows[0]) / rate_hz, fps=rate_hz, settings=params
        )
    ]
    return frame_differences.pack(steps)


def fit(values: Floats, still: Flags, names: tuple[str, ...]) -> Classifier:
    """A classifier, not calibrated, of features ``(films, n)``."""
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-6
    weight = np.where(still, 0.5 / still.mean(), 0.5 / (~still).mean())
    linear = LogisticRegression(C=_SPREAD, max_iter=5000).fit((values - mean) / scale, still, weight)
    boosted = GradientBoostingClassifier(
        n_estimators=_TREES,
        learning_rate=_RATE,
        subsample=_PART,
        max_features=_TRIED,
        max_depth=_DEPTH,
        random_state=_SEED,
    ).fit(values, still, weight)
    nodes = 2**_DEPTH - 1
    features, limits = np.zeros((_TREES, nodes), np.int64), np.full((_TREES, nodes), np.inf)
    leaves = np.zeros((_TREES, nodes + 1))
    for number, tree in enumerate(each.tree_ for each in boosted.estimators_.ravel()):
        places = [0]  # of the nodes of the complete tree, the ones of the tree as it grew
        for node in range(nodes):
            at = places[node]
            if tree.children_left[at] < 0:
                places += [at, at]
                continue
            features[number, node], limits[number, node] = tree.feature[at], tree.threshold[at]
            places += [tree.children_left[at], tree.children_right[at]]
        leaves[number] = _RATE * tree.value[places[nodes:], 0, 0]
    start = float(np.log(np.average(still, weights=weight) / (1 - np.average(still, weights=weight))))
    bias = float(linear.intercept_[0])
    return Classifier(names, mean, scale, linear.coef_[0], bias, features, limits, leaves, start, (0.0, 1.0))


def held_out(films: Sequence[Film], groups: Sequence[str], names: tuple[str, ...]) -> Floats:
    """Logits ``(films, 2)``, each of a classifier that saw no film of its group."""
    known = sorted(set(groups))
    np.random.default_rng(_SEED).shuffle(known)
    fold = np.array([known.index(group) % _FOLDS for group in groups])
    logits = np.zeros((len(films), 2))
    for number in range(_FOLDS):
        others = [each for each, at in zip(films, fold, strict=True) if at != number]
        fitted = fit(*_rows(others), names)
        for index in np.flatnonzero(fold == number).tolist():
            logits[index] = [fitted.logit(values) for values in films[index].values]
    return logits


def _rows(films: Sequence[Film]) -> tuple[Floats, Flags]:
    return np.concatenate([each.values for each in films]), np.repeat([each.still for each in films], 2)


def calibration(logits: Floats, still: Flags) -> tuple[float, float]:
    """Offset and factor that make logits ``(n,)`` as sure as they are right."""
    curve = LogisticRegression(C=np.inf).fit(logits[:, None], still)
    return float(curve.intercept_[0]), float(curve.coef_[0, 0])


def between(films: Sequence[Film], names: tuple[str, ...]) -> Flags:
    """Which films the classifier decides ``(films, 2)``: neither stills by strict rules nor alive by lenient ones."""
    strict, usual, lenient = (np.array([each.values[:, names.index(name)] > 0 for each in films]) for name in RULES)
    left: Flags = ~strict & (usual | lenient)
    return left


def chances(films: Sequence[Film], logits: Floats, names: tuple[str, ...]) -> Floats:
    """Probabilities ``(films, 2)`` of calibrated logits."""
    found = [[dict(zip(names, view, strict=True)) for view in each.values] for each in films]
    pairs = zip(found, logits, strict=True)
    return np.array([[certainty.chance(*view) for view in zip(*each, strict=True)] for each in pairs])


def report(title: str, films: Sequence[Film], chances: Floats) -> None:
    """Recall and what is kept, of the rules and of probabilities ``(films, 2)``, and how well those are calibrated."""
    still = np.array([each.still for each in films])
    ruled = np.array([each.ruled for each in films])
    least = StillsThresholds().still_probability
    for name, dropped in (("the rules", ruled), (f"from {least:g} on", chances >= least)):
        found, kept = dropped[still].mean(), 1 - dropped[~still].mean()
        print(f"{title}, {name}: {found:.3f} of {still.sum()} found, {kept:.3f} of {(~still).sum()} kept")
    alike = np.quantile(chances[~still], 1 - ruled[~still].mean())
    print(f"{title}: {np.mean(chances[still] > alike):.3f} found where as many are kept as by the rules")
    for low, high in ((0.9, 1.01), (0.7, 0.9), (0.3, 0.7), (0.1, 0.3), (0.0, 0.1)):
        inside = (chances >= low) & (chances < high)
        if inside.any():
            true = np.repeat(still[:, None], 2, axis=1)[inside]
            said = chances[inside].mean()
            print(f"  said {low:.1f} and more: {inside.sum()}, stills {true.mean():.2f}, said {said:.2f} on average")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(film, arguments.out, job) for job in stills_films.jobs(arguments.turns)]
        made = [each.result() for each in waiting]
    films, names = [each for each, _ in made], made[0][1]
    still = np.array([each.still for each in films])
    print(f"{len(films)} films, {still.sum()} of them stills")
    by_source = held_out(films, [each.source for each in films], names)
    offset, factor = calibration(by_source[between(films, names)], np.repeat(still, 2)[between(films, names).ravel()])
    by_kind = held_out(films, [each.kind for each in films], names)
    for title, logits in (("other sources", by_source), ("other kinds", by_kind)):
        report(title, films, chances(films, offset + factor * logits, names))
    least = StillsThresholds().still_probability
    missed: dict[str, list[bool]] = defaultdict(list)
    for each, chance in zip(films, chances(films, offset + factor * by_source, names)[:, 0], strict=True):
        missed[f"{'still' if each.still else 'alive'}: {each.kind}"].append((chance >= least) != each.still)
    for kind, wrong in sorted(missed.items()):
        print(f"  {kind}: {sum(wrong)} of {len(wrong)} wrong")
    if arguments.write:
        replace(fit(*_rows(films), names), calibration=(offset, factor)).save(classifier.WEIGHTS)


if __name__ == "__main__":
    main()
