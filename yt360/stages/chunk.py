"""Chunk: cut a video into clips of ten seconds, silence skipped, in the form that training reads.

Consumes a video's picture and sound and the reading recipes that ``validate`` found; produces for
each clip ``KEY.video.mp4`` (mono equirectangular H.264, constant frame rate, short closed GOPs),
``KEY.foa.flac`` (4 channels, AmbiX) and ``KEY.json``. The picture is decoded once for all clips.

Clips start at whole seconds and do not overlap, as in the published list. Time 0 is the start of
the container, for picture and sound alike.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import soundfile
from numpy.typing import NDArray
from pydantic import Field

from yt360 import ambisonics
from yt360.engine.contract import Child, Done, Filtered, Item, Needs, Outcome, Stage, StageParams
from yt360.errors import ItemError
from yt360.media.clips import ClipVideoWriter, check_clip_sound, check_clip_video
from yt360.media.reading import PictureReading, SoundReading, read_frames, read_sound

_FULL_SCALE = 0.999
"""Peak after the gain that keeps loud recordings from clipping in an integer file."""

_SILENT_DB = -200.0
"""Level of digital silence: finite, so that it is JSON."""


class ChunkParams(StageParams):
    """``clip_s`` is the length of a clip; the last one of a stretch may be as short as ``min_clip_s``.

    ``crf`` and ``preset`` are libx264's. A second is silent when the level of W is below
    ``silence_floor_db`` (dBFS), or more than ``silence_range_db`` below the video's loud seconds (95th
    percentile), so that a quiet recording is not silence. A clip needs ``min_active_share`` of its
    seconds not silent.
    """

    clip_s: float = Field(default=10.0, gt=0, le=600)
    min_clip_s: float = Field(default=9.5, gt=0)
    height: int = Field(default=224, ge=16, le=4096, multiple_of=2)
    width: int = Field(default=448, ge=32, le=8192, multiple_of=2)
    fps: int = Field(default=16, ge=1, le=120)
    gop: int = Field(default=16, ge=1, le=600)
    crf: float = Field(default=20.0, ge=0, le=51)
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"] = "medium"
    sample_rate_hz: int = Field(default=24000, ge=8000, le=192000)
    subtype: Literal["PCM_16", "PCM_24"] = "PCM_24"
    silence_floor_db: float = -70.0
    silence_range_db: float = Field(default=35.0, gt=0)
    min_active_share: float = Field(default=0.5, ge=0, le=1)
    max_clips: int | None = Field(default=None, ge=1)


@dataclass(frozen=True)
class Placement:
    """A clip to cut: ``start_s`` whole seconds on the container's timeline, ``duration_s`` nominal."""

    start_s: int
    duration_s: float


def place_clips(active: Sequence[bool], start_s: float, end_s: float, params: ChunkParams) -> list[Placement]:
    """Clips in [start_s, end_s), first come first served.

    ``active[k]`` says whether second k of the timeline has sound. A clip starts at the first whole
    second that has sound and from which on enough of the clip has; the next one starts no earlier than
    its end. Where a stream begins a little late, the first clip may start before it, as long as
    ``min_clip_s`` of it is there: a video that starts at 0.04 s does not lose its first second.
    """
    found: list[Placement] = []
    lead_s = max(0.0, params.clip_s - params.min_clip_s)
    second = max(0, math.ceil(start_s - lead_s - 1e-6))
    if second < start_s and min(second + params.clip_s, end_s) - start_s < params.min_clip_s - 1e-6:
        second = math.ceil(start_s - 1e-6)
    while end_s - second >= params.min_clip_s - 1e-6 and len(found) != params.max_clips:
        duration = min(params.clip_s, end_s - second)
        covered = active[second : second + math.ceil(duration - 1e-6)]
        if covered and covered[0] and sum(covered) >= params.min_active_share * len(covered):
            found.append(Placement(second, duration))
            second += math.ceil(duration - 1e-6)
        else:
            second += 1
    return found


def level_db(power: float) -> float:
    """Mean power in dB re full scale; digital silence gives -200."""
    return max(_SILENT_DB, 10 * math.log10(power)) if power > 0 else _SILENT_DB


class Chunk(Stage):
    name = "chunk"
    params_type = ChunkParams
    needs = Needs(timeout_s=7200, memory_mb=4096)
    inputs: ClassVar[Mapping[str, str]] = {"video": "crawl.video", "sound": "crawl.sound?", "facts": "validate.facts"}
    after = ("validate", "stills", "voiceover")

    def process(self, item: Item, workdir: Path) -> Outcome:
        params: ChunkParams = self.params
        facts = json.loads(item.files["facts"].read_text(encoding="utf-8"))
        start_s, end_s = float(facts["start_s"]), float(facts["end_s"])
        if end_s - start_s < params.min_clip_s:
            return Filtered(
                "too-short",
                f"{item.id}: picture and sound run together for {end_s - start_s:.2f} s; "
                f"a clip needs {params.min_clip_s:g} s",
            )
        sound, levels, peak = self._decode_sound(item, facts, end_s, workdir)
        loud_db = float(np.percentile(levels, 95))
        threshold_db = max(params.silence_floor_db, loud_db - params.silence_range_db)
        active = [bool(level > threshold_db) for level in levels]
        placements = place_clips(active, start_s, min(end_s, sound.shape[0] / params.sample_rate_hz), params)
        measures: dict[str, Any] = {
            "duration_s": round(end_s - start_s, 3),
            "silent_s": active.count(False),
            "loud_db": round(loud_db, 2),
            "threshold_db": round(threshold_db, 2),
            "peak": round(peak, 4),
        }
        gain = min(1.0, _FULL_SCALE / peak) if peak > _FULL_SCALE else 1.0
        children = tuple(self._cut(item, facts, placements, sound, gain, workdir))
        measures["clips"] = len(children)
        if not place_clips([True] * len(active), start_s, end_s, params) or (placements and not children):
            return Filtered(
                "too-short",
                f"{item.id}: picture and sound run together from {start_s:.2f} to {end_s:.2f} s; no whole second "
                f"starts {params.min_clip_s:g} s of both",
                measures,
            )
        if not children:
            return Filtered(
                "silent",
                f"{item.id}: no stretch of {params.clip_s:g} s has sound in {params.min_active_share:.0%} of it "
                f"({measures['silent_s']} of {len(active)} s are below {threshold_db:.0f} dBFS)",
                measures,
            )
        return Done(measures=measures, children=children)

    def _decode_sound(
        self, item: Item, facts: Mapping[str, Any], end_s: float, workdir: Path
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], float]:
        """All sound up to ``end_s`` as ``(samples, 4)`` on disk, the level of W in each second (dBFS), the peak."""
        rate = self.params.sample_rate_hz
        reading = SoundReading.from_json(facts["sound_reading"])
        source = item.files[reading.source]
        raw = workdir / "sound.f32"
        peak = 0.0
        with raw.open("wb") as stream:
            for block in read_sound(source, reading, sample_rate_hz=rate, duration_s=end_s):
                peak = max(peak, float(np.abs(block).max(initial=0.0)))
                stream.write(np.ascontiguousarray(block.T, dtype=np.float32).tobytes())
        if raw.stat().st_size == 0:
            raise ItemError("no-samples", f"{source.name}: expected sound, decoded not one sample")
        sound = np.memmap(raw, dtype=np.float32, mode="r").reshape(-1, 4)
        seconds = -(-sound.shape[0] // rate)
        levels = [
            level_db(float(np.mean(np.square(sound[k * rate : (k + 1) * rate, ambisonics.W], dtype=np.float64))))
            for k in range(seconds)
        ]
        return sound, np.array(levels), peak

    def _cut(
        self,
        item: Item,
        facts: Mapping[str, Any],
        placements: Sequence[Placement],
        sound: NDArray[np.float32],
        gain: float,
        workdir: Path,
    ) -> Iterator[Child]:
        """Encode the clips in one pass over the picture. A clip whose picture ends early is left out."""
        params: ChunkParams = self.params
        if not placements:
            return
        first = placements[0].start_s
        frames = read_frames(
            item.files["video"],
            PictureReading.from_json(facts["picture_reading"]),
            height=params.height,
            width=params.width,
            fps=params.fps,
            start_s=float(first),
            duration_s=placements[-1].start_s + placements[-1].duration_s - first,
        )
        position = first * params.fps
        for place in placements:
            begin = place.start_s * params.fps
            for _ in islice(frames, begin - position):  # a silence between two clips
                pass
            wanted = math.floor(place.duration_s * params.fps + 1e-6)
            name = f"{item.id}-{place.start_s:05d}"
            video = workdir / f"{name}.video.mp4"
            writer = ClipVideoWriter(
                video, params.width, params.height, params.fps, gop=params.gop, crf=params.crf, preset=params.preset
            )
            with writer as out:
                for frame in islice(frames, wanted):
                    out.write(frame)
            position = begin + out.frames
            if out.frames < params.min_clip_s * params.fps:
                video.unlink(missing_ok=True)
                return  # the picture ended: so do the clips
            yield self._finish(item, facts, place, out.frames, sound, gain, workdir)

    def _finish(
        self,
        item: Item,
        facts: Mapping[str, Any],
        place: Placement,
        frames: int,
        sound: NDArray[np.float32],
        gain: float,
        workdir: Path,
    ) -> Child:
        """Write a clip's sound and facts beside its picture; both last equally long."""
        params: ChunkParams = self.params
        rate = params.sample_rate_hz
        name = f"{item.id}-{place.start_s:05d}"
        begin = place.start_s * rate
        samples = sound[begin : begin + frames * rate // params.fps] * np.float32(gain)
        soundfile.write(workdir / f"{name}.foa.flac", samples, rate, subtype=params.subtype, format="FLAC")
        heard = ambisonics.sound_direction(samples.T)
        meta = {
            "clip": name,
            "video": item.source_id,
            "start_s": float(place.start_s),
            "duration_s": frames / params.fps,
            "frames": frames,
            "fps": float(params.fps),
            "height": params.height,
            "width": params.width,
            "samples": int(samples.shape[0]),
            "sample_rate_hz": rate,
            "convention": "ambix",
            "foa_gain_db": round(20 * math.log10(gain), 4),
            "horizontal_only": bool(facts["audio"]["ambisonics"]["horizontal_only"]),
            "loudness_db": round(level_db(float(np.mean(np.square(samples[:, ambisonics.W], dtype=np.float64)))), 3),
            "azimuth_deg": round(math.degrees(heard.azimuth), 3),
            "elevation_deg": round(math.degrees(heard.elevation), 3),
            "diffuseness": round(heard.diffuseness, 4),
        }
        text = json.dumps(meta, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        (workdir / f"{name}.json").write_text(text, encoding="utf-8")
        outputs = {"video": f"{name}.video.mp4", "foa": f"{name}.foa.flac", "json": f"{name}.json"}
        return Child(name, outputs, meta)

    def check_output(self, name: str, path: Path) -> None:
        if name == "video":
            check_clip_video(path)
        elif name == "foa":
            check_clip_sound(path)
        elif name == "json":
            json.loads(path.read_text(encoding="utf-8"))
