"""How well the filters work: one command, every bar with its counts and Wilson intervals.

    python -m benchmarks.filters [stills] [sound] [silence] [duplicates] [cost] [redecide]
                                 [real] [hands-stills] [hands-sound] [--scale 1.0] [--first-seed 4000] [--music DIR]

``real`` and ``hands-…`` judge on what other hands made: recordings, photographs and generators that nothing was fitted
on. The other parts are our world: scenes, voices, music and seeds are held out from everything that was fitted
(``fitting/post_production_data.py`` uses the part ``fitting`` of the material). Real recordings are mixed in where a
folder ``shared/media`` lies beside the checkout; the music among them is one piece, ``--music`` adds those of a folder.
``--scale`` makes the number of cases larger or smaller; 1.0 takes some 25 minutes of one idle core.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

from yt360.cli.common import table

FIRST_SEED = 4000
"""Nothing was fitted on scenes from here on, but those up to 4086 were measured several times while rules were changed,
and some rules answer to what they showed: give ``--first-seed`` for scenes that nobody has seen."""


def _stills(scale: float, first_seed: int, music: Path | None) -> list[list[str]]:
    from benchmarks import filters_stills

    return filters_stills.measure(max(2, round(8 * scale)), first_seed)


def _sound(scale: float, first_seed: int, music: Path | None) -> list[list[str]]:
    from benchmarks import filters_sound

    return filters_sound.measure(max(6, round(96 * scale)), first_seed, music)[0]


def _real(scale: float, first_seed: int, music: Path | None) -> list[list[str]]:
    from benchmarks import filters_real

    return filters_real.measure()


def _hands_stills(scale: float, first_seed: int, music: Path | None) -> list[list[str]]:
    from benchmarks import filters_hands

    return filters_hands.stills(max(1, round(4 * scale)), first_seed)[0]


def _hands_sound(scale: float, first_seed: int, music: Path | None) -> list[list[str]]:
    from benchmarks import filters_hands

    return filters_hands.sound(max(1, round(4 * scale)), first_seed)


def _duplicates(scale: float, first_seed: int, music: Path | None) -> list[list[str]]:
    from benchmarks import filters_duplicates

    return filters_duplicates.measure(max(2, round(16 * scale)), first_seed)


def _silence(scale: float, first_seed: int, music: Path | None) -> list[list[str]]:
    from benchmarks import filters_silence

    return filters_silence.measure(max(10, round(100 * scale)), first_seed)


def _cost(scale: float, first_seed: int, music: Path | None) -> list[list[str]]:
    from benchmarks import filters_cost

    return filters_cost.measure()


def _redecide(scale: float, first_seed: int, music: Path | None) -> list[list[str]]:
    from benchmarks import filters_redecide

    return filters_redecide.measure(round(10_000 * min(1.0, scale)))


PARTS: dict[str, Callable[[float, int, Path | None], list[list[str]]]] = {
    "cost": _cost,
    "redecide": _redecide,
    "duplicates": _duplicates,
    "silence": _silence,
    "sound": _sound,
    "stills": _stills,
    "real": _real,
    "hands-stills": _hands_stills,
    "hands-sound": _hands_sound,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="of the scenes (default %(default)s)")
    parser.add_argument("--music", type=Path, help="a folder of recordings that nothing was fitted on")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.parts) - set(PARTS))
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}, expected some of {', '.join(PARTS)}")
    cores = len(os.sched_getaffinity(0))
    print(
        f"{platform.machine()}, {cores} usable cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    )
    for name in arguments.parts or PARTS:
        began = time.perf_counter()
        rows = PARTS[name](arguments.scale, arguments.first_seed, arguments.music)
        print(f"\n{name} ({time.perf_counter() - began:.0f} s)")
        print(table(rows, ["what", "counts", "share or time [95 % Wilson]", "bar"]), flush=True)


if __name__ == "__main__":
    main()
