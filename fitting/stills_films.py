"""Films with known truth, each through encoders drawn at random, as the filter of stills sees them.

Films are those of :mod:`fitting.films` and :mod:`fitting.films_more`; what the stage sees of one (small gray frames) is
kept, and a finished film is not made again.
"""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import filters_coding as coding
from fitting import films, films_more
from fitting.encoders import drawn

STILLS = {**films.STILLS, **films_more.STILLS}
ALIVE = {**films.ALIVE, **films_more.ALIVE}


class Job(NamedTuple):
    """``side`` is ``still``, ``alive`` or ``recording``; ``name`` the kind (``recording|treatment``)."""

    side: str
    name: str
    turn: int


class Seen(NamedTuple):
    """What the stage sees of a film: gray ``frames`` ``(n, h, w)``; ``source`` is the picture or recording."""

    job: Job
    code: str
    source: str
    frames: NDArray[np.uint8]

    @property
    def still(self) -> bool:
        return self.job.side == "still"

    @property
    def kind(self) -> str:
        """The kind of film, whatever its encoder and source."""
        return self.job.name.split("|")[-1].split(",")[0].removesuffix(" again").removesuffix(" a third time")


def jobs(turns: int) -> Iterator[Job]:
    """All films; what is done to recordings takes turns."""
    treatments = list(films.TREATMENTS)
    for turn in range(turns):
        drawn_kinds = [("still", name) for name in STILLS] + [("alive", name) for name in ALIVE]
        for place, recording in enumerate(films.RECORDINGS):
            drawn_kinds += [
                ("recording", f"{recording}|{treatments[(2 * turn + place + k) % len(treatments)]}") for k in range(2)
            ]
        for number in np.random.default_rng(turn).permutation(len(drawn_kinds)):
            side, name = drawn_kinds[number]
            yield Job(side, name, turn)


def make(out: Path, job: Job) -> Path:
    """Film, encode and look at one; the file with what is seen of it."""
    seed = zlib.crc32(repr(tuple(job)).encode())
    path = out / f"{job.side}-{seed:08x}.npz"
    if path.is_file():
        return path
    rng = np.random.default_rng(seed)
    code, passes = drawn(rng)
    if job.side == "recording":
        source, treatment = job.name.split("|")
        frames = films.TREATMENTS[treatment](films.recording(source), rng)
    else:
        source = f"picture {seed % 9973 % 90}" if seed % 9973 % 3 else f"world {seed % 9973}"
        frames = (STILLS if job.side == "still" else ALIVE)[job.name](rng, *films.pictures(seed % 9973))
    with tempfile.TemporaryDirectory() as scratch:
        video = Path(scratch) / "v.mkv"
        size = coding.encode(video, islice(frames, 0, None, 2), films.FPS / 2, passes)
        seen = np.stack(list(coding.seen(video, *size)))
    partial = path.with_suffix(".part.npz")
    np.savez_compressed(partial, frames=seen, told=json.dumps([job, code, source]))
    partial.rename(path)
    return path


def read(path: Path) -> Seen:
    """What :func:`make` kept."""
    with np.load(path, allow_pickle=False) as kept:
        job, code, source = json.loads(str(kept["told"]))
        return Seen(Job(*job), code, source, kept["frames"])
