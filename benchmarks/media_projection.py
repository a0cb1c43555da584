"""Is the projection found, and is it as sure as it says? By source, with metadata that is missing, true or false.

    python -m benchmarks.media_projection [--worlds N] [--rounds N] [--first-seed N] [--only WORD]

Procedural worlds of our own and, where a folder ``shared/`` lies beside the checkout, real recordings and photographs
are drawn in 17 kinds of picture, at sizes, qualities of coding, poles and lights that are met. Nothing was fitted on
the real ones; they are counted by source, and the reliability table says how often a probability was right on them.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.media_pictures import HEIGHT, LIGHTS, POLES, WIDTH, Picture, blemished, pictures, world
from yt360.media.probe import probe
from yt360.media.projection.decision import PictureThresholds, decide_picture
from yt360.media.projection.hypotheses import hypotheses
from yt360.media.projection.letterbox import guess_projection
from yt360.media.sampling import sample_frames

SHARED = Path(__file__).resolve().parents[2] / "shared"
ANSWERS = ("right", "unsure", "wrong")
STATEMENTS = ("none", "true", "false")
BINS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)

Frames = NDArray[np.uint8]

_VIDEOS = {
    "QO-pWw4_z8Y": "real/video360/omni_gt_QO-pWw4_z8Y_120.webm",
    "Wc_gzO9i38k": "real/video360/omni_gt_Wc_gzO9i38k_15.webm",
    "aieThfuvmtY": "real/video360/omni_gt_aieThfuvmtY_274.webm",
    "gyFx147_35Q": "real/video360/omni_gt_gyFx147_35Q_52.webm",
    "qWpImMW4DHI": "real/video360/omni_gt_qWpImMW4DHI_87.webm",
    "f2kvR5I8s3c": "real/video360/omni_gt_f2kvR5I8s3c_20.webm",
    "3dwonders": "real/video360/3dwonders_nerf_walk.mp4",
    "congo": "real/video360/vrview_congo_2048_TB.mp4",
    "G8pABGosD38": "media/G8pABGosD38l_17.webm",
    "NdE7uYVaynQ": "media/NdE7uYVaynQl_0.webm",
    "KVvDejzzQjM": "media/KVvDejzzQjM_6.webm",
    "0FB9jMXMP8A": "media/0FB9jMXMP8A_19.webm",
    "V_To4k9AJXc": "media/V_To4k9AJXc_20.webm",
    "V5IVN81wYrI": "media/V5IVN81wYrI_60.webm",
    "overpass": "media/valiant360_overpass.mp4",
}
_STILLS = ("media/still_taj.jpg", "media/still_veste.jpg")
_UPPER_EYE = ("congo", "vrview_coral_TB", "vrview_andes_TB")


def real_bases() -> Iterator[tuple[str, Frames]]:
    """(source, equirectangular frames ``(n, HEIGHT, WIDTH)``) of what lies beside the checkout."""
    for name, place in _VIDEOS.items():
        if (SHARED / place).exists():
            info = probe(SHARED / place)
            shape = (2 * HEIGHT if name in _UPPER_EYE else HEIGHT, WIDTH)
            frames = sample_frames(info, info.videos[0], count=3, height=shape[0], width=shape[1]).frames
            yield name, frames[:, :HEIGHT]
    stills = [SHARED / place for place in _STILLS] + sorted((SHARED / "real/stills").glob("*"))
    for path in stills:
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.exists() else None
        if picture is not None:
            height = 2 * HEIGHT if path.stem in _UPPER_EYE else HEIGHT
            shrunk = np.asarray(cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)
            yield path.stem, np.stack([shrunk[:HEIGHT]] * 2)


def _made(source: str, base: Frames, rounds: int, seed: int) -> Iterator[Picture]:
    """Every other round of a base is as it is, the others have something at their poles or another light."""
    rng = np.random.default_rng([seed, *source.encode()])
    for number in range(rounds):
        poles = POLES[rng.integers(len(POLES))] if number % 2 else "none"
        light = LIGHTS[rng.integers(len(LIGHTS))] if number % 3 == 2 else "none"
        yield from pictures(blemished(base.astype(float), rng, poles, light), rng, f"{source} {poles} {light}")


def _statement(kind: str, truth: str) -> str:
    """What the metadata say of a picture; a false statement is that of a whole sphere which it is not."""
    if kind == "none":
        return ""
    if kind == "true":
        return truth
    return "equirectangular" if truth != "equirectangular" else "equirectangular-tb"


def same(found: str, truth: str) -> bool:
    """Whether two hypotheses lead to the same outcome: the same reading, or no whole sphere for the same reason."""
    a, b = hypotheses()[found], hypotheses()[truth]
    return a.projection == b.projection and (a.stereo == b.stereo or not a.whole_sphere)


def judge(picture: Picture, scores: dict[str, float], statement: str) -> tuple[str, float, bool]:
    """(answer, probability of the likeliest outcome, whether that is right)."""
    decision = decide_picture(scores, _statement(statement, picture.truth), PictureThresholds())
    outcome: dict[str, float] = defaultdict(float)
    for name, probability in decision.probabilities.items():
        outcome[next((first for first in outcome if same(name, first)), name)] += probability
    likeliest = max(outcome, key=lambda name: outcome[name])
    truth = hypotheses()[picture.truth]
    if decision.kind == "unknown":
        answer = "unsure"
    elif decision.kind == "other":
        answer = "wrong" if truth.whole_sphere else "right"
    else:
        answer = "right" if same(decision.best.name, picture.truth) else "wrong"
    return answer, outcome[likeliest], same(likeliest, picture.truth)


def main() -> None:
    """Draw, judge, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=12, help="procedural worlds (0: none)")
    parser.add_argument("--rounds", type=int, default=2, help="times that every real source is drawn")
    parser.add_argument("--first-seed", type=int, default=5000, help="first world; those below 1000 were fitted on")
    parser.add_argument("--only", default="", help="real sources whose name has this in it")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.worlds)
    sources = [(f"world {seed}", world(seed).astype(np.uint8)) for seed in seeds]
    sources += [(name, base) for name, base in real_bases() if options.only in name]
    count: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    bins: dict[tuple[str, float], list[bool]] = defaultdict(list)
    misses = []
    for source, base in tqdm(sources, unit="source"):
        hand = "our worlds" if source.startswith("world ") else "other hands"
        for picture in _made(source, base, 1 if hand == "our worlds" else options.rounds, options.first_seed):
            scores = dict(guess_projection(picture.frames, picture.width, picture.height).scores)
            scores = scores or dict.fromkeys(hypotheses(), 0.0)
            for statement in STATEMENTS:
                answer, probability, right = judge(picture, scores, statement)
                for group in (hand, source, picture.kind):
                    count[hand, group, statement][answer] += 1
                top = next(top for top in BINS if probability <= top or top == BINS[-1])
                bins[f"{hand}, metadata {statement}", top].append(right)
                if answer == "wrong":
                    best = decide_picture(scores, _statement(statement, picture.truth), PictureThresholds()).best.name
                    misses.append(f"{picture.kind} ({picture.about}), metadata {statement}: {best}")
    _print(count, bins, misses)


def _print(
    count: dict[tuple[str, str, str], Counter[str]], bins: dict[tuple[str, float], list[bool]], misses: list[str]
) -> None:
    for hand in dict.fromkeys(key[0] for key in count):
        print(f"\n{hand}: {' / '.join(ANSWERS)} without, with true and with false metadata")
        for group in dict.fromkeys(key[1] for key in count if key[0] == hand):
            found = (count[hand, group, statement] for statement in STATEMENTS)
            print(f"  {group:24s}" + "   ".join(" ".join(f"{c[a]:4d}" for a in ANSWERS) for c in found))
    print("\nreliability: probability of the likeliest outcome up to, how many, how often right")
    for group, top in sorted(bins):
        print(f"  {group:32s} {top:4.2f} {len(bins[group, top]):5d} {np.mean(bins[group, top]):6.3f}")
    print("\nwrong\n" + "\n".join(f"  {miss}" for miss in misses))


if __name__ == "__main__":
    main()
