"""The matrix of files of other hands: each row makes its file and says how an answer to it is to be judged."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from benchmarks.media_judging import Judged, gives_ambix, judge_picture, judge_sound
from benchmarks.other_hands import (
    fields,
    flaws,
    layouts,
    loudspeakers,
    microphones,
    panoramas,
    picture_files,
    sound_files,
)
from benchmarks.other_hands.conventions import CONVENTIONS, W_X_Y_Z, Convention
from benchmarks.other_hands.originals import ORIGINALS, Original
from benchmarks.other_hands.sources import SHARED, Array, found, read_frames
from yt360.media.inspection import Inspection

PLACES, EACH, REPEATS = 24, 4, 2
"""Ray-traced places, files of each panorama, and files of each generator in each convention."""

_PHOTOGRAPHS = (".jpg", ".png")
_RATES_HZ = (48_000, 24_000)
_FEEDS = ("wav", "mkv flac quad", "mp4 aac", "ogg vorbis", "mp4 aac sa3d")


@dataclass(frozen=True)
class SoundRow:
    """``source`` is a generator, ``kind`` a convention, a microphone or loudspeakers, ``name`` a recording."""

    source: str
    kind: str
    writer: str
    seed: int
    name: str = ""

    def make(self, path: Path) -> Path:
        """Write the file; ``path`` has no suffix yet."""
        rng = np.random.default_rng((19, self.seed))
        rate_hz = _RATES_HZ[self.seed % 2]
        return sound_files.WRITERS[self.writer](path, self._channels(rng, rate_hz), rate_hz)

    def _channels(self, rng: np.random.Generator, rate_hz: int) -> Array:
        if self.kind in microphones.UNENCODED:
            return fields.unencoded(self.kind, rng, rate_hz)
        if self.kind in loudspeakers.NOT_AMBISONIC:
            return loudspeakers.NOT_AMBISONIC[self.kind](rng, fields.SECONDS * rate_hz, rate_hz)
        convention = CONVENTIONS[self.kind]
        foa = fields.recording(self.name, rate_hz) if self.name else fields.foa(self.source, rng, rate_hz)
        foa = convention.harm(rng, foa) if convention.harm else foa
        channels = convention.mixing @ foa
        if self.writer.endswith("pair"):
            pair = 0.3 * fields.foa("plane waves", rng, rate_hz)[:2]
            channels = np.concatenate([channels, np.resize(pair, (2, channels.shape[1]))])
        return np.clip(channels, -1, 1)

    def judge(self, inspection: Inspection) -> list[Judged]:
        """What came out for the sound."""
        convention = CONVENTIONS.get(self.kind)
        # Where a file says that it is ambisonics, doubt is a right answer to feeds; else it is only no wrong one.
        doubt = convention.doubt if convention else self.writer.endswith("sa3d")
        kind = self.kind if convention or not doubt else f"{self.kind}, stated as AmbiX"
        return [judge_sound(inspection, _accepts(convention), doubt=doubt).of(kind, self.source)]


def _accepts(convention: Convention | None) -> Callable[[Array], bool] | None:
    return None if convention is None else partial(gives_ambix, convention.mixing, any_w=convention.any_w)


@dataclass(frozen=True)
class PictureRow:
    """``source`` and ``name`` of a panorama, how it is laid out, flawed, coded and described."""

    source: str
    name: str
    layout: str
    flaw: str
    metadata: str
    codec: str
    seed: int
    places: tuple[int, int]

    def make(self, path: Path) -> Path:
        """Write the file; ``path`` has no suffix yet."""
        rng, kind = np.random.default_rng((23, self.seed)), layouts.LAYOUTS[self.layout]
        if self.source in panoramas.FLAT:
            frames = np.stack([layouts.resized(frame, *kind.size) for frame in panoramas.flat_video(self.source)])
        else:
            eyes = _panoramas(*self.places)[self.source, self.name].eyes(two=kind.stereo != "mono")
            seed = int(rng.integers(1 << 30))
            if self.flaw:
                eyes = [flaws.FLAWS[self.flaw](np.random.default_rng(seed), eye) for eye in eyes]
            true_cube = self.metadata == "true" and kind.projection == "cubemap"
            frames = layouts.lay_out(eyes, kind, cbmp=true_cube)
        xml = kind.projection == "equirectangular" and self.seed % 2 == 0
        return picture_files.write_picture(path, frames, kind, self.codec, self.metadata, xml=xml)

    def judge(self, inspection: Inspection) -> list[Judged]:
        """What came out for the picture."""
        kind = layouts.LAYOUTS[self.layout]
        answer = f"{kind.projection} {kind.stereo}" if kind.usable else "refuse"
        shape = kind.projection if kind.stereo == "mono" else f"{kind.projection}, {kind.stereo}"
        found = [judge_picture(inspection, answer).of(f"{shape}, metadata {self.metadata}", self.source)]
        return found + ([found[0].of(f"flaw: {self.flaw}", "")] if self.flaw else [])


@dataclass(frozen=True)
class OriginalRow:
    """A recording as it was found."""

    original: Original

    def make(self, path: Path) -> Path:
        """The file itself; a photograph as a video of it."""
        file = found(SHARED / self.original.file, f"recordings beside the checkout ({SHARED})")
        if file.suffix not in _PHOTOGRAPHS:
            return file
        height, width = (1024, 1024) if "_TB" in file.name else (512, 1024)
        frame = layouts.resized(read_frames(file, 1)[0], height, width)
        kind = layouts.LAYOUTS["equirectangular"]
        return picture_files.write_picture(path, frame[None], kind, "h264", "absent", xml=False)

    def judge(self, inspection: Inspection) -> list[Judged]:
        """What came out for sound and picture, where either is known."""
        asked, judged = self.original, []
        if asked.sound:
            names = {"ambix": "AmbiX", "n3d": "N3D", "fuma": "FuMa", "itag 327": "itag 327"}
            convention = W_X_Y_Z if asked.sound == "wxyz" else CONVENTIONS.get(names.get(asked.sound, ""))
            answer = judge_sound(inspection, _accepts(convention), doubt=bool(convention and convention.doubt))
            judged.append(answer.of(f"original, sound: {asked.sound}", asked.source))
        if asked.picture:
            judged.append(
                judge_picture(inspection, asked.picture).of(f"original, picture: {asked.picture}", asked.source)
            )
        return judged


Row = SoundRow | PictureRow | OriginalRow


@lru_cache(maxsize=2)
def _panoramas(first_seed: int, places: int) -> dict[tuple[str, str], panoramas.Panorama]:
    return {(one.source, one.name): one for one in panoramas.panoramas(first_seed, places)}


def sound_rows(first_seed: int, repeats: int) -> Iterator[SoundRow]:
    """Every generator and recording in every convention; every microphone and layout of loudspeakers."""
    seeds = itertools.count(first_seed * 10_000)
    for number, generator in enumerate(fields.RESPONSES):
        for kind, convention in CONVENTIONS.items():
            for k in range(repeats):
                writer = convention.writers[(number + k) % len(convention.writers)]
                yield SoundRow(generator, kind, writer, next(seeds))
    for source, names in fields.RECORDINGS.items():
        for number, name in enumerate(names):
            for kind, convention in CONVENTIONS.items():
                if kind not in ("AmbiX, clipped", "orthonormal"):
                    yield SoundRow(
                        source, kind, convention.writers[number % len(convention.writers)], next(seeds), name
                    )
    for kind in microphones.UNENCODED:
        source = "spherical-array-processing arrays" if "capsules" in kind else "pyroomacoustics microphones"
        for k in range(2 * repeats):
            yield SoundRow(source, kind, _FEEDS[k % 4], next(seeds))
    for number, kind in enumerate(loudspeakers.NOT_AMBISONIC):
        for k in range(2 * repeats):
            writer = "mkv flac 5.1" if kind == "5.1 feeds" else _FEEDS[(number + k) % len(_FEEDS)]
            yield SoundRow("loudspeaker feeds of dry recordings", kind, writer, next(seeds))


def picture_rows(first_seed: int, places: int, each: int) -> Iterator[PictureRow]:
    """``each`` rows of every panorama: whole, flawed, laid out otherwise; metadata true, absent and false."""
    seeds = itertools.count(first_seed * 10_000)
    held, known = (first_seed, places), _panoramas(first_seed, places)
    codecs, marks = itertools.cycle(picture_files.CODECS), itertools.cycle(list(flaws.FLAWS)[1:])
    sizes = itertools.cycle(
        name for name, kind in layouts.LAYOUTS.items() if (kind.filter, kind.stereo) == ("e", "mono")
    )
    others = itertools.cycle(
        name for name, kind in layouts.LAYOUTS.items() if (kind.filter, kind.stereo) != ("e", "mono")
    )
    for number, (source, name) in enumerate(known):
        for k in range(each):
            turn = (number + k) % 6
            layout = next(sizes) if turn in (0, 1, 2) else next(others)
            described = layouts.LAYOUTS[layout].projection in picture_files.DESCRIBED and layout != "cubemap 6x1"
            metadata = ("absent", "true", "absent", "absent", "false", "true")[turn]
            if metadata == "true" and not described:
                metadata = "false"
            if metadata == "false" and number % 3 == 0:
                layout = "equirectangular"
            if name.startswith("stage"):
                # All but a stage is black: laid out otherwise or described falsely, nobody could tell.
                layout, metadata = "equirectangular", "true" if metadata == "false" else metadata
            flaw = next(marks) if turn in (1, 2, 4) else ""
            yield PictureRow(source, name, layout, flaw, metadata, next(codecs), next(seeds), held)
        if source.startswith(("HDRI", "stills")) or source == "POV-Ray places":
            still = PictureRow(source, name, "equirectangular", "standing still", "absent", "h264", next(seeds), held)
            yield still
    for source in panoramas.FLAT:
        for metadata, codec in itertools.product(("absent", "false"), ("h264", "vp9")):
            yield PictureRow(source, source, "flat", "", metadata, codec, next(seeds), held)


def other_rows(first_seed: int) -> list[Row]:
    """All rows. Pictures of one panorama lie together, so that it is made once."""
    rows: list[Row] = [*sound_rows(first_seed, REPEATS), *picture_rows(first_seed, PLACES, EACH)]
    return rows + [OriginalRow(original) for original in ORIGINALS]
