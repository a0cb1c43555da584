"""Filters on what other hands made: real cameras kept, photographs that an editor animates dropped.

Part of ``python -m benchmarks.filters`` (``hands-stills``, ``hands-sound``). Nothing here was fitted on
(``tests/test_architecture.py`` holds the rooms apart). Films go through encoders as YouTube's and through the stage as
files. What is not on this machine is named as left out.
"""

from __future__ import annotations

import tempfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import filters_coding as coding
from benchmarks.filters_tables import row
from benchmarks.other_hands import LeftOutError, fields, films, soundscapes
from yt360.filters.post_production import measurement
from yt360.stages.stills import Stills
from yt360.stages.voiceover import Voiceover


def _jobs(each: int) -> Iterator[tuple[str, str, str, int]]:
    """(kind, source, coding, seed) of every film; the sources and codings take turns."""
    words, number = list(coding.CODINGS), 0
    for repeat in range(each):
        for place, kind in enumerate(films.ANIMATED):
            number += 1
            source = films.PHOTOGRAPHS[(3 * repeat + place) % len(films.PHOTOGRAPHS)]
            yield kind, source, words[number % len(words)], number
        for place, kind in enumerate(films.FILMED):
            number += 1
            source = films.CLIPS[(3 * repeat + place) % len(films.CLIPS)]
            yield kind, source, words[number % len(words)], number
    for place, source in enumerate(films.CLIPS):
        for turn in range(2):
            yield "as filmed", source, words[(3 * place + turn) % len(words)], 5000 + 2 * place + turn


def stills(each: int, first_seed: int) -> tuple[list[list[str]], list[dict[str, object]]]:
    """Rows of the table, and one record a film with what was measured."""
    hits: dict[str, list[bool]] = defaultdict(list)
    left_out: dict[str, int] = defaultdict(int)
    kept: list[dict[str, object]] = []
    stage = Stills()
    for kind, source, code, number in _jobs(each):
        rng = np.random.default_rng((zlib.crc32(kind.encode()), first_seed, number))
        wanted = kind in films.ANIMATED
        try:
            if wanted:
                other = films.photograph(films.PHOTOGRAPHS[int(rng.integers(len(films.PHOTOGRAPHS)))])
                frames = films.ANIMATED[kind](rng, films.photograph(source), other)
            else:
                frames = films.FILMED[kind](rng, films.clip(source))
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "v.mkv"
                measures = coding.measures(path, *coding.write(path, frames, films.FPS, code))
        except LeftOutError as missing:
            left_out[str(missing)] += 1
            continue
        dropped = stage.decide(measures) is not None
        hits[kind].append(dropped == wanted)
        hits["all animated photographs" if wanted else "all that a camera filmed"].append(dropped == wanted)
        if kind == "as filmed":
            hits[f"as filmed, {source.rsplit('/', 1)[-1][:24]}"].append(not dropped)
        kept.append({"kind": kind, "source": source, "coding": code, "still": wanted, "measures": measures})
    rows = []
    for kind in [*films.ANIMATED, "all animated photographs", *films.FILMED, "all that a camera filmed"]:
        verb = "dropped" if kind in films.ANIMATED or "photographs" in kind else "kept"
        bar = {"all animated photographs": ">= 0.95", "all that a camera filmed": ">= 0.98", "as filmed": "all"}.get(
            kind, ""
        )
        if hits[kind]:
            rows.append(row(f"{verb}: {kind}", sum(hits[kind]), len(hits[kind]), bar))
    rows += [[f"left out: {what}", str(count), "", ""] for what, count in left_out.items()]
    return rows, kept


def sound(each: int, first_seed: int) -> list[list[str]]:
    """Rows of the table: false alarms by scene, real recordings apart, and layers found over every fourth scene."""
    stage = Voiceover()
    alarms: dict[str, list[bool]] = defaultdict(list)
    hits: dict[str, list[bool]] = defaultdict(list)
    left_out: dict[str, int] = defaultdict(int)
    for place, (kind, source, number, make) in enumerate(_scenes(each, first_seed)):
        try:
            scene = make()
        except LeftOutError as missing:
            left_out[str(missing)] += 1
            continue
        scene = scene / max(1e-9, float(np.sqrt(np.mean(scene[0] ** 2))))
        for what, level_db in (("", 0.0), *(LAYERS if number % 4 == 0 else ())):
            heard = scene
            if what:
                rng = np.random.default_rng((first_seed, place, zlib.crc32(what.encode())))
                layer = np.tile(soundscapes.layer(rng, what), (1, 2))[:, : scene.shape[1]]
                heard = scene[:, : layer.shape[1]] + layer * 10 ** (level_db / 20)
            heard = 0.1 * heard / max(1e-9, float(np.sqrt(np.mean(heard[0] ** 2))))
            measures, _ = measurement.measure([heard.astype(np.float32)])
            dropped = stage.decide({**measures, "head_locked": None}) is not None
            if what:
                hits[f"{what} at {level_db:+g} dB"].append(dropped)
            else:
                alarms[kind].append(dropped)
                alarms[source].append(dropped)
    rows = [row(f"false alarms: {kind}", sum(found), len(found), BARS.get(kind, "")) for kind, found in alarms.items()]
    rows += [row(what, sum(found), len(found), BARS.get(what, "")) for what, found in hits.items()]
    return rows + [[f"left out: {what}", str(count), "", ""] for what, count in left_out.items()]


LAYERS = (("voice W", 0.0), ("voice W", 6.0), *((what, 0.0) for what in soundscapes.LAYERS[1:]))
MADE, REAL = "all scenes of other generators", "all real recordings"
BARS = {
    MADE: "<= 0.03",
    REAL: "0",
    "voice W at +0 dB": ">= 0.9",
    "voice W at +6 dB": ">= 0.98",
    **{f"bed {angle} at +0 dB": ">= 0.85" for angle in (30, 45, 60, 90)},
}


def _scenes(each: int, first_seed: int) -> Iterator[tuple[str, str, int, Callable[[], NDArray[np.float64]]]]:
    """(kind, source, number, what makes it) of every scene."""
    rate_hz = soundscapes.RATE_HZ
    for name, make in soundscapes.CLEAN.items():
        for number in range(each):
            rng = np.random.default_rng((first_seed, zlib.crc32(name.encode()), number))
            yield name, MADE, number, partial(make, rng)
    for name in fields.RESPONSES:
        for number in range(max(1, each // 2)):
            yield "rooms", MADE, number, partial(fields.foa, name, np.random.default_rng((first_seed, number)), rate_hz)
    for names in fields.RECORDINGS.values():
        for number, name in enumerate(names):
            yield "recordings", REAL, number, partial(_recorded, name)


def _recorded(name: str) -> NDArray[np.float64]:
    return fields.recording(name, soundscapes.RATE_HZ)[:, : 20 * soundscapes.RATE_HZ]
