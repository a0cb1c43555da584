"""Do picture and sound agree? How well the heading between them is found, on procedural worlds.

    python -m benchmarks.media_agreement [--videos N] [--first-seed N]

Each video is looked into once as ``yt360 inspect`` does; then its sound is turned by known angles, and mirrored.
Prints how far the best heading is from the truth, what the confidence is worth, and how many mirror images are seen.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.worlds import machine
from yt360 import ambisonics, sphere
from yt360.media.agreement import agree
from yt360.media.inspect import inspect_media, moments
from yt360.synth.world import make_world

HEADINGS_DEG = (0.0, 45.0, 90.0, 150.0, -60.0, -120.0)
"""By how much the sound is turned to the left."""

NEAR_DEG = 30.0
CONFIDENCE = ((0.0, 0.5), (0.5, 0.9), (0.9, 1.01))


def _turned(foa: NDArray[np.float32], heading_deg: float) -> NDArray[np.float32]:
    return ambisonics.rotate(foa, sphere.yaw_rotation(np.radians(heading_deg))).astype(np.float32)


def measure(files: list[Path]) -> tuple[list[tuple[float, float]], bool | None]:
    """(error in degrees, confidence) for every heading, and whether mirrored sound was seen to be mirrored."""
    motions, sounds = moments(inspect_media(*files))
    found = []
    for heading_deg in HEADINGS_DEG:
        agreement = agree(motions, [_turned(foa, heading_deg) for foa in sounds])
        if agreement is None:
            return [], None
        away = np.degrees(sphere.wrap_angle(np.radians(agreement.yaw_deg + heading_deg)))
        found.append((abs(float(away)), agreement.confidence))
    mirrored = agree(motions, [ambisonics.mirror_left_right(foa).astype(np.float32) for foa in sounds])
    return found, mirrored.flip == "left-right" if mirrored else None


def main() -> None:
    """Make a world, turn, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=32)
    parser.add_argument("--first-seed", type=int, default=7000)
    options = parser.parse_args()
    errors, mirrors, mute = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder)
        for video in make_world(world, videos=options.videos, seed=options.first_seed, duration_s=20.0):
            found, mirrored = measure([world / "media" / name for name in video.files])
            errors += found
            mute += not found
            mirrors += [mirrored] if mirrored is not None else []
    print(f"{machine()}; {options.videos} videos, {len(HEADINGS_DEG)} headings each; {mute} without motion or sound")
    away, sure = np.array(errors).T
    near = 100 * (away <= NEAR_DEG).mean()
    print(f"heading off by {np.median(away):.0f}° (median), within {NEAR_DEG:g}°: {near:.0f} %")
    for low, high in CONFIDENCE:
        chosen = away[(sure >= low) & (sure < high)]
        share = f"{100 * (chosen <= NEAR_DEG).mean():.0f} %" if len(chosen) else "-"
        print(f"confidence {low:.1f} to {min(1.0, high):.1f}: {len(chosen)} cases, within {NEAR_DEG:g}°: {share}")
    print(f"mirrored sound seen as such: {sum(mirrors)} of {len(mirrors)}")


if __name__ == "__main__":
    main()
