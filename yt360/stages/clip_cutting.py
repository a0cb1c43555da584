"""Cuts clips out of a video in one pass over its picture; each ends where its shot does."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics
from yt360.engine.stage import Child, Item
from yt360.filters import silence
from yt360.filters.placement import Placement
from yt360.filters.shots.transitions import ShotDetector
from yt360.filters.shots.watched import WatchedFrames
from yt360.filters.stills import decision, frame_differences
from yt360.filters.stills.limits import LIMITS
from yt360.filters.stills.settings import MotionSettings
from yt360.media.clips import ClipVideoWriter, write_clip_sound
from yt360.media.facts import Facts
from yt360.media.reading_picture import read_frames, read_frames_in_sizes
from yt360.media.samples_on_disk import SamplesOnDisk
from yt360.stages.chunk_settings import ChunkParams
from yt360.stages.chunk_variants import Beside, ClipVariants

_LOOK_HZ = 2
_LOOK_SIZE = (320, 160)
"""Width and height at which a clip is looked at for motion, as in ``stills``."""


def clip_name(video: str, start_s: float) -> str:
    """``VIDEO-SSSSS``, and ``VIDEO-SSSSS_mmm`` for a start that is not a whole second."""
    whole, thousandths = divmod(round(start_s * 1000), 1000)
    return f"{video}-{whole:05d}" + (f"_{thousandths:03d}" if thousandths else "")


class ClipCutter:
    """The clips of one video. ``sound`` is ``(samples, 4)`` AmbiX from time 0 on.

    ``still_starts_s`` are the starts of clips in which nothing moves, ``transitions_s`` the
    ``[begin_s, end_s, kind]`` of cuts, dissolves and fades that were seen.
    """

    def __init__(
        self,
        params: ChunkParams,
        item: Item,
        facts: Facts,
        sound: NDArray[np.float32] | SamplesOnDisk,
        gain: float,
        workdir: Path,
        variants: ClipVariants | None = None,
    ) -> None:
        self._variants = variants
        self._beside: Beside | None = None
        self.still_starts_s: list[float] = []
        self.transitions_s: list[tuple[float, float, str]] = []
        self._params, self._item, self._facts = params, item, facts
        self._sound, self._gain, self._workdir = sound, gain, workdir
        self._listed = "segments" in item.meta

    def cut(self, placements: Sequence[Placement], placed_after: Callable[[float], list[Placement]]) -> Iterator[Child]:
        """Encode the clips. One whose picture ends early is left out.

        Where nothing is listed, a clip ends with its shot, and ``placed_after`` the end of that shot says where
        clips go on.
        """
        params = self._params
        to_the_end = self._listed or not params.one_shot
        frames: WatchedFrames | None = None
        origin_s, queue, made = 0.0, list(placements), 0
        while queue and made != params.max_clips:
            place = queue.pop(0)
            begin = (place.start_s - origin_s) * params.fps
            if frames is None or begin < frames.first or abs(begin - round(begin)) > 1e-6:
                # The first one; or a listed segment that overlaps the one before it or lies between two frames.
                self._note(frames, origin_s)
                origin_s, begin = place.start_s, 0.0
                frames = self._watched(origin_s, max(one.start_s + one.duration_s for one in (place, *queue)))
            first = round(begin)
            wanted = math.floor(place.duration_s * params.fps + 1e-6)
            name = clip_name(self._item.id, place.start_s)
            path = self._workdir / f"{name}.video.mp4"
            count, seen = self._encode(name, frames, first, wanted, to_the_end=to_the_end)
            inside = frames.inside(first, first + count + (0 if to_the_end else 1))
            ends_shot = bool(inside) and not to_the_end
            if count < min(params.min_clip_s, 0.95 * place.duration_s) * params.fps - 1e-6:
                path.unlink(missing_ok=True)
                self._discard(name)
                if not ends_shot:
                    break  # the picture ended: so do the clips
            elif params.drop_still and not self._listed and _is_still(seen):
                self.still_starts_s.append(place.start_s)
                path.unlink()
                self._discard(name)
            else:
                before = sum(1 for one in frames.known() if one.end <= first)
                meta = {"shot": before, "transitions": 0 if ends_shot else len(inside)}
                made += 1
                yield self._finish(place, count, meta)
            if ends_shot:
                queue = placed_after(origin_s + inside[0].end / params.fps)
        self._note(frames, origin_s)

    def _watched(self, start_s: float, end_s: float) -> WatchedFrames:
        params = self._params
        detector = ShotDetector(params.fps, params)
        video, picture = self._item.files["video"], self._facts.picture
        duration_s = end_s - start_s + (detector.lookahead + 1) / params.fps
        size = (params.height, params.width)
        if self._variants is None or self._variants.size is None:
            frames = read_frames(
                video,
                picture,
                height=params.height,
                width=params.width,
                fps=params.fps,
                start_s=start_s,
                duration_s=duration_s,
            )
            return WatchedFrames(frames, detector)
        sizes = [size, self._variants.size]
        both = read_frames_in_sizes(video, picture, sizes, fps=params.fps, start_s=start_s, duration_s=duration_s)
        self._beside = Beside(both)
        return WatchedFrames(iter(self._beside), detector)

    def _discard(self, name: str) -> None:
        if self._variants is not None:
            self._variants.discard(name)

    def _note(self, frames: WatchedFrames | None, origin_s: float) -> None:
        """Keep the transitions that a reader saw, those twice seen once."""
        for found in frames.known() if frames is not None else ():
            begin_s, end_s = (round(origin_s + at / self._params.fps, 4) for at in (found.begin, found.end))
            if not any(abs(begin_s - other[0]) < 1 / self._params.fps for other in self.transitions_s):
                self.transitions_s.append((begin_s, end_s, found.kind))

    def _encode(
        self, name: str, frames: WatchedFrames, first: int, wanted: int, *, to_the_end: bool
    ) -> tuple[int, list[NDArray[np.uint8]]]:
        """Write up to ``wanted`` frames, fewer where the picture or its shot ends; some of them small and gray."""
        params = self._params
        seen: list[NDArray[np.uint8]] = []
        path = self._workdir / f"{name}.video.mp4"
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(
                ClipVideoWriter(
                    path, params.width, params.height, params.fps, gop=params.gop, crf=params.crf, preset=params.preset
                )
            )
            more = stack.enter_context(self._variants.writer(name)) if self._variants and self._beside else None
            for number in range(first, first + wanted):
                frame = frames.at(number)
                if frame is None or (not to_the_end and frames.inside(first, number + 1)):
                    break
                out.write(frame)
                if more is not None and self._beside is not None:
                    more.write(self._beside.at(number))
                if (number - first) % max(1, params.fps // _LOOK_HZ) == 0:
                    seen.append(_small_gray(frame))
        return out.frames, seen

    def _finish(self, place: Placement, frames: int, shot: dict[str, Any]) -> Child:
        """Write a clip's sound and facts beside its picture; both last equally long."""
        params, workdir = self._params, self._workdir
        rate = params.sample_rate_hz
        name = clip_name(self._item.id, place.start_s)
        begin = round(place.start_s * rate)
        samples = self._sound[begin : begin + frames * rate // params.fps] * np.float32(self._gain)
        said = {
            "SOURCE": self._item.source_id,
            "SOURCE_START_S": f"{place.start_s:g}",
            "SOURCE_CONVENTION": self._facts.sound.convention,
            "SOURCE_REPAIRED": self._facts.sound.repaired or "no",
            "GAIN_DB": f"{20 * math.log10(self._gain):.4f}",
        }
        repair = self._item.meta.get("repair")
        if repair:
            said |= {"TURNED_DEG": f"{repair['yaw_deg']:g}", "MOVED_S": f"{0.0 - repair['lag_s']:g}"}
        write_clip_sound(workdir / f"{name}.foa.flac", samples, rate, params.subtype, said)
        heard = ambisonics.sound_direction(samples.T)
        power = np.mean(np.square(samples[:, ambisonics.W], dtype=np.float64))
        meta = {
            "clip": name,
            "video": self._item.source_id,
            "start_s": place.start_s,
            "duration_s": frames / params.fps,
            "frames": frames,
            "fps": float(params.fps),
            "height": params.height,
            "width": params.width,
            "samples": int(samples.shape[0]),
            "sample_rate_hz": rate,
            "convention": "ambix",
            "foa_gain_db": round(20 * math.log10(self._gain), 4),
            "horizontal_only": self._facts.horizontal_only,
            "loudness_db": round(float(silence.level_db(power)), 3),
            "azimuth_deg": round(math.degrees(heard.azimuth), 3),
            "elevation_deg": round(math.degrees(heard.elevation), 3),
            "diffuseness": round(heard.diffuseness, 4),
        } | shot
        if repair:
            meta |= {"sound_turned_deg": repair["yaw_deg"], "sound_moved_s": 0.0 - repair["lag_s"]}
        outputs = {"video": f"{name}.video.mp4", "foa": f"{name}.foa.flac", "json": f"{name}.json"}
        if self._variants is not None:
            more, meta["variants"] = self._variants.finish(name, place.start_s, frames, said)
            outputs |= more
        text = json.dumps(meta, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        (workdir / f"{name}.json").write_text(text, encoding="utf-8")
        return Child(name, outputs, meta)


def _small_gray(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame ``(H, W, 3)`` as ``stills`` looks at it."""
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(gray, _LOOK_SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def _is_still(frames: Sequence[NDArray[np.uint8]]) -> bool:
    """Whether nothing moves in a clip. A turn of the whole sphere counts as motion here: ``stills`` judges that."""
    steps = frame_differences.measure_window(
        frames, window=0, start_s=0.0, fps=float(_LOOK_HZ), settings=MotionSettings(), turning=False
    )
    return decision.judge(steps, LIMITS) is not None
