"""Fits how sure a heading and a lag are (``yt360/filters/frame_of_reference/calibration.py``), and prints the weights.

    python -m fitting.frame_of_reference [--worlds 24] [--seed 7] [--samples 1500]

Material: procedural videos of one seed and, where they lie beside the checkout, recordings of ``../shared/media``.
From each many samples: pieces of ten seconds or all of it; what moves without a sound and sounds without being seen
laid over it, as loud as it or fainter; turned by any angle, delayed by up to 0.75 s; and sounds of other videos, whose
heading is never right. The weights of a lag are those of 16 worlds and 900 samples. Nothing of
``../shared/real`` or of ``benchmarks/frame_of_reference.py`` is seen.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import soxr
from numpy.typing import NDArray

from yt360.filters.frame_of_reference import calibration, measurement, sound_activity
from yt360.filters.frame_of_reference.alignment import SeenAndHeard, heading_evidence, lag_evidence, turned
from yt360.filters.frame_of_reference.visual_activity import SECTORS
from yt360.media.inspect import inspect_media
from yt360.media.picture import VideoDecodeSpec
from yt360.media.reading_picture import read_frames
from yt360.media.reading_sound import read_sound
from yt360.media.sound import FoaDecodeSpec
from yt360.synth.render import SAMPLE_RATE_HZ, Renderer, render_sound
from yt360.synth.scene import draw_scene

RECORDINGS = ("G8pABGosD38l_17", "NdE7uYVaynQl_0", "KVvDejzzQjM_6", "0FB9jMXMP8A_19", "V_To4k9AJXc_20",
              "aieThfuvmtY_151", "V5IVN81wYrI_60")  # fmt: skip
MEDIA = Path(__file__).parents[1] / "../shared/media"
WORLD_LAG_S = 0.5 / measurement.RATE_HZ
"""A frame of the world shows how loud it is from then until the next one: half a frame later on average."""

RIGHT_DEG, RIGHT_S = 15.0, 0.06
_PIECE = round(10 * measurement.RATE_HZ)
_STRANGERS, _ALTERED, _LAID_OVER = 0.15, 0.5, 0.5
"""Shares of the samples with another video's sound; turned, and delayed; and with something laid over."""

_MOST_LAG = 12
Array = NDArray[np.floating]
Picture = NDArray[np.uint8]


def render_world(seed: int, index: int, duration_s: float = 20.0) -> tuple[list[Picture], NDArray[np.float32]]:
    """One video of the procedural world without a file between: gray frames as they are looked at, and its sound."""
    scene = draw_scene(np.random.default_rng((seed, index)), duration_s)
    track = render_sound(scene, measurement.RATE_HZ)
    size = (measurement.WIDTH, measurement.HEIGHT)
    frames = [
        np.asarray(cv2.cvtColor(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY), np.uint8)
        for frame in Renderer(scene, 160, 320, measurement.RATE_HZ, track.levels)
    ]
    sound = soxr.resample(track.foa.T, SAMPLE_RATE_HZ, sound_activity.SAMPLE_RATE_HZ).T
    return frames, np.asarray(sound, np.float32)


def read_recording(path: Path) -> tuple[list[Picture], NDArray[np.float32]]:
    """The frames and the sound of a recording as the stage reads them."""
    facts = inspect_media(path).facts()
    picture = VideoDecodeSpec.from_json(facts["picture_reading"])
    sound = FoaDecodeSpec.from_json(facts["sound_reading"])
    frames = list(
        read_frames(
            path, picture, height=measurement.HEIGHT, width=measurement.WIDTH, fps=measurement.RATE_HZ, gray=True
        )
    )
    return frames, sound_activity.gathered(read_sound(path, sound, sample_rate_hz=sound_activity.SAMPLE_RATE_HZ))


def seen_and_heard(frames: list[Picture], sound: NDArray[np.float32]) -> SeenAndHeard:
    """What is measured of a video that is long enough."""
    found = measurement.look(0.0, frames, sound)
    if found is None:
        raise ValueError("expected four seconds and more")
    return found.both


def sample(
    material: Sequence[SeenAndHeard], worlds: int, rng: np.random.Generator
) -> tuple[list[float], bool, list[float], bool] | None:
    """Columns of a heading and whether it is right, columns of its lag and whether that is right."""
    which = int(rng.integers(len(material)))
    part = material[which]
    count = len(part.seen)
    first = int(rng.integers(count - _PIECE)) if count > _PIECE and rng.random() < _ALTERED else 0
    inside = slice(first, first + _PIECE) if first else slice(None)
    seen, heard, heading = np.array(part.seen[inside]), np.array(part.heard[inside]), part.heading[inside]
    count = len(seen)

    def other(name: str) -> Array:
        """A map of any other video, as long as this one."""
        chosen = np.asarray(getattr(material[int(rng.integers(len(material)))], name))
        return np.roll(np.resize(chosen, (count, SECTORS)), int(rng.integers(SECTORS)), axis=1)

    for activity, name in ((seen, "seen"), (heard, "heard")):
        if rng.random() < _LAID_OVER:
            more = other(name)
            activity += float(rng.choice([0.1, 0.3, 1.0])) * more * activity.sum() / max(float(more.sum()), 1e-12)
    yaw = float(rng.uniform(-180, 180)) if rng.random() < _ALTERED else 0.0
    lag = int(rng.integers(-_MOST_LAG, _MOST_LAG + 1)) if rng.random() < _ALTERED else 0
    stranger = bool(rng.random() < _STRANGERS)
    heard = other("heard") if stranger else heard
    heard = np.roll(turned(heard, np.full(count, np.radians(-yaw))), lag, axis=0)
    parts = [SeenAndHeard(seen, heard, heading, part.fps)]
    found = heading_evidence(parts)
    late = None if found is None else lag_evidence(parts, found.yaw_deg)
    if found is None or late is None:
        return None
    truth_s = lag / part.fps + (WORLD_LAG_S if which < worlds else 0.0)
    right = abs((found.yaw_deg - yaw + 180) % 360 - 180) <= RIGHT_DEG and not stranger
    return (
        calibration.heading_columns(found.to_json()), right,
        calibration.lag_columns(late.to_json(), found.to_json()), right and abs(late.lag_s - truth_s) <= RIGHT_S,
    )  # fmt: skip


def fitted(columns: Array, right: NDArray[np.bool_], ridge: float = 1e-3) -> Array:
    """Weights of a logistic regression, the constant first, by Newton's method with a small ridge."""
    mean, scale = columns.mean(axis=0), columns.std(axis=0) + 1e-9
    table = np.column_stack([np.ones(len(columns)), (columns - mean) / scale])
    weights = np.zeros(table.shape[1])
    penalty = ridge * len(columns) * np.diag([0.0] + [1.0] * columns.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-table @ weights))
        hessian = table.T @ (table * (chance * (1 - chance))[:, None]) + penalty
        weights -= np.linalg.solve(hessian, table.T @ (chance - right) + penalty @ weights)
    slopes = weights[1:] / scale
    return np.concatenate([[weights[0] - float(slopes @ mean)], slopes])


def _report(name: str, weights: Array, columns: Array, right: NDArray[np.bool_]) -> None:
    chance = 1 / (1 + np.exp(-(weights[0] + columns @ weights[1:])))
    print(f"{name} = ({', '.join(f'{weight:.3f}' for weight in weights)})   # right: {right.mean():.3f}")
    for limit in (0.5, 0.8, 0.9, 0.95, 0.98):
        claimed = chance >= limit
        share = right[claimed].mean() if claimed.any() else float("nan")
        print(f"  probability >= {limit}: claimed {claimed.mean():.3f}, right {share:.3f} of {claimed.sum()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--samples", type=int, default=1500)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    material = [seen_and_heard(*render_world(asked.seed, index)) for index in range(asked.worlds)]
    material += [
        seen_and_heard(*read_recording(path)) for name in RECORDINGS if (path := MEDIA / f"{name}.webm").exists()
    ]
    rng = np.random.default_rng(asked.seed)
    found = [made for _ in range(asked.samples) if (made := sample(material, asked.worlds, rng)) is not None]
    headings, right, lags, in_time = zip(*found, strict=True)
    for name, columns, truth in (("HEADING_WEIGHTS", headings, right), ("LAG_WEIGHTS", lags, in_time)):
        table, known = np.array(columns, float), np.array(truth, bool)
        weights = fitted(table, known)
        _report(name, weights, table, known)
    logits = weights[0] + table @ weights[1:]
    bent = np.column_stack([logits, np.maximum(logits - calibration.LAG_STEEPER_FROM, 0)])
    _report("LAG_SHAPE", fitted(bent, known, ridge=1e-4), bent, known)


if __name__ == "__main__":
    main()
