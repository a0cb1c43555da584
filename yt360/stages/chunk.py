"""Chunk: cut a video into clips of ten seconds, silence and stillness skipped, in the form that training reads.

Consumes a video's picture and sound and the decoding specs that ``validate`` found; produces for
each clip ``KEY.video.mp4`` (mono equirectangular H.264, constant frame rate, short closed GOPs),
``KEY.foa.flac`` (4 channels, AmbiX) and ``KEY.json``. The picture is decoded once for all clips.

Clips start at whole seconds and do not overlap, as in the published list; where a list says which
segments a video has, exactly these are cut, and nothing of them is judged here. Where ``frame_of_reference`` found the
sound turned or moved against the picture and is to repair it, the sound is put in place before anything else. Time 0
is the start of the container, for picture and sound alike.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics
from yt360.crawling.listing import read_listing
from yt360.engine.stage import Context, DatasetView, Done, Filtered, Item, Outcome, Resources, Stage
from yt360.errors import ItemError
from yt360.files import parse_json
from yt360.filters import silence
from yt360.filters.frame_of_reference.decision import Repair
from yt360.filters.frame_of_reference.mending import mended
from yt360.filters.placement import Placement, place_clips
from yt360.media.facts import Facts
from yt360.media.reading_sound import read_sound_at_rates
from yt360.media.samples_on_disk import SamplesOnDisk
from yt360.media.timeline import SoundNotes
from yt360.stages.chunk_settings import LONGEST_CLIP_S, ChunkParams
from yt360.stages.frame_of_reference import repairs

_FULL_SCALE = 0.999
"""Peak after the gain that keeps loud recordings from clipping in an integer file."""

_MOST_PLACES, _MOST_NAMED, _MOST_TRANSITIONS = 100, 3, 1000
_TENTH_S = 0.1
_REACH_S = 0.05
"""How far a resampler carries a wrong sample."""


class Chunk(Stage):
    name = "chunk"
    item_kind = "video"
    version = 8
    params_type = ChunkParams
    needs = Resources(timeout_s=7200, memory_mb=4096)
    inputs: ClassVar[Mapping[str, str]] = {"video": "crawl.video", "sound": "crawl.sound?", "facts": "validate.facts"}
    after = ("validate", "stills", "voiceover", "frame_of_reference", "duplicates")

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        listing, turned = self.plan_ahead(dataset), repairs(dataset)
        for item in super().plan(dataset):
            listed = listing(item)
            # Part of the key: a sound found elsewhere cuts exactly its videos anew.
            repair = {"repair": turned[item.id].to_json()} if item.id in turned else {}
            yield replace(listed, meta={**listed.meta, **repair}) if repair else listed

    def plan_ahead(self, dataset: DatasetView) -> Callable[[Item], Item]:
        listing = read_listing(dataset)

        def listed(item: Item) -> Item:
            # Part of the key: an edited table cuts exactly its videos anew.
            segments = listing.get(item.id, {}).get("segments")
            return replace(item, meta={"segments": segments}) if segments else item

        return listed

    def process(self, item: Item, context: Context) -> Outcome:
        # Here: who asks where a root stands does not wait for libraries that decode.
        from yt360.stages.chunk_variants import ClipVariants
        from yt360.stages.clip_cutting import ClipCutter

        params: ChunkParams = self.params
        facts = Facts.load(item.files["facts"])
        start_s, end_s = facts.span
        given = item.meta.get("segments")
        if end_s - start_s < params.min_clip_s and not given:
            return Filtered(
                "too-short",
                f"{item.id}: picture and sound run together for {end_s - start_s:.2f} s; "
                f"a clip needs {params.min_clip_s:g} s",
            )
        notes = SoundNotes()
        repair = Repair.from_json(item.meta["repair"]) if "repair" in item.meta else None
        (sound, *others), levels, peak = self._decode_sound(item, facts, end_s, context.workdir, notes, repair)
        loudness_db = silence.gated_loudness_db(levels)
        open_db = max(params.silence_floor_db, loudness_db - params.silence_range_db)
        active = silence.active_steps(levels, open_db, params.silence_hysteresis_db, params.shortest_silence_s)
        ends_s = min(end_s, len(sound) / params.sample_rate_hz)
        placements = self._given(given, start_s, ends_s) if given else self._placed(active, start_s, ends_s)
        measures: dict[str, Any] = {
            "duration_s": round(end_s - start_s, 3),
            "silent_s": round(int(np.count_nonzero(~active)) * silence.STEP_S, 1),
            "loudness_db": round(loudness_db, 2),
            "open_db": round(open_db, 2),
            "peak": round(peak, 4),
            "placed": len(placements),
        }
        if given:
            measures["given"] = len(given)
        if repair is not None:
            measures |= {"sound_turned_deg": repair.yaw_deg, "sound_moved_s": 0.0 - repair.lag_s}
        if notes.splices:
            measures |= {"inserted_s": round(notes.inserted_s, 3), "dropped_s": round(notes.dropped_s, 3)}
        if notes.not_numbers_s:
            measures["not_numbers_s"] = notes.not_numbers_s[:_MOST_PLACES]
            placements = [place for place in placements if _all_numbers(place, notes.not_numbers_s)]
        gain = min(1.0, _FULL_SCALE / peak) if peak > _FULL_SCALE else 1.0
        variants = ClipVariants(params, (others or [sound])[0], gain, context.workdir) if params.has_variants else None
        cutter = ClipCutter(params, item, facts, sound, gain, context.workdir, variants)

        def after(at_s: float) -> list[Placement]:
            left = [] if given else self._placed(active, math.ceil(at_s - 1e-6), ends_s)
            return [place for place in left if _all_numbers(place, notes.not_numbers_s)]

        children = tuple(cutter.cut(placements, after))
        measures |= {"clips": len(children), "still_clips_s": cutter.still_starts_s}
        measures |= {"shots": len(cutter.transitions_s) + 1, "transitions_s": cutter.transitions_s[:_MOST_TRANSITIONS]}
        if children:
            return Done(measures=measures, children=children)
        return self._nothing(item, given, placements, start_s, end_s, measures)

    def _nothing(
        self,
        item: Item,
        given: Any,
        placements: Sequence[Placement],
        start_s: float,
        end_s: float,
        measures: Mapping[str, Any],
    ) -> Filtered:
        """Why a video has no clip."""
        params: ChunkParams = self.params
        span = f"picture and sound run together from {start_s:.2f} to {end_s:.2f} s"
        if measures["shots"] > 1 and placements and not measures["still_clips_s"]:
            words = f"{item.id}: none of its {measures['shots']} shots has {params.min_clip_s:g} s for a clip"
            return Filtered("short-shots", words, measures)
        if "not_numbers_s" in measures and not placements:
            places = ", ".join(f"{at:g}" for at in measures["not_numbers_s"][:_MOST_NAMED])
            places += " and more" if len(measures["not_numbers_s"]) > _MOST_NAMED else ""
            words = f"{item.id}: samples at second {places} are not numbers, in every clip"
            return Filtered("not-numbers", words, measures)
        if measures["still_clips_s"]:
            words = f"{item.id}: nothing moves in any of its {len(measures['still_clips_s'])} clips"
            return Filtered("still", words, measures)
        if given:
            return Filtered("too-short", f"{item.id}: {span}; none of its {len(given)} listed segments fits", measures)
        everywhere = np.ones(math.ceil(end_s / silence.STEP_S), bool)
        if placements or not self._placed(everywhere, start_s, end_s):
            words = f"{item.id}: {span}; no clip of {params.min_clip_s:g} s from a whole second fits"
            return Filtered("too-short", words, measures)
        return Filtered(
            "silent",
            f"{item.id}: no clip has enough sound; {measures['silent_s']:.0f} of {end_s:.0f} s are below "
            f"{measures['open_db']:.0f} dBFS",
            measures,
        )

    def _placed(self, active: NDArray[np.bool_], start_s: float, end_s: float) -> list[Placement]:
        params: ChunkParams = self.params
        lengths = {"clip_s": params.clip_s, "min_clip_s": params.min_clip_s}
        shares = {"min_active_share": params.min_active_share, "max_silent_share": params.max_silent_share}
        shares["max_lost_share"] = params.max_lost_share
        found = place_clips(active, start_s, end_s, **lengths, **shares)
        return found[: params.max_clips]

    def _given(self, segments: Any, start_s: float, end_s: float) -> list[Placement]:
        """The listed segments that the video has, each as long as listed (or as ``clip_s`` if that is not said)."""
        params: ChunkParams = self.params
        found = {}
        for begin, end in segments:
            wanted = min(float(end) - float(begin), LONGEST_CLIP_S)
            short = min(params.min_clip_s, 0.95 * wanted)
            there = min(float(begin) + wanted, end_s) - max(float(begin), start_s)
            if there >= short - 1e-6:
                found[float(begin)] = Placement(float(begin), min(wanted, end_s - float(begin)))
        return [found[begin] for begin in sorted(found)][: params.max_clips]

    def _decode_sound(
        self, item: Item, facts: Facts, end_s: float, workdir: Path, notes: SoundNotes, repair: Repair | None
    ) -> tuple[list[SamplesOnDisk], NDArray[np.float64], float]:
        """All sound up to ``end_s`` as ``(samples, 4)`` on disk, the level of W in each step (dBFS), the peak.

        The variants' sound comes second, where it has another rate.
        """
        rate = self.params.sample_rate_hz
        rates = list(dict.fromkeys([rate, self.params.variants_rate_hz]))
        source = item.files[facts.sound.source]
        files = [workdir / f"sound{number or ''}.f32" for number in range(len(rates))]
        peak = 0.0
        with contextlib.ExitStack() as stack:
            streams = [stack.enter_context(file.open("wb")) for file in files]
            late_s = max(0.0, repair.lag_s) if repair is not None else 0.0
            sounds = read_sound_at_rates(source, facts.sound, rates, duration_s=end_s + late_s, notes=notes)
            if repair is not None:
                sounds = [mended(blocks, repair, each) for blocks, each in zip(sounds, rates, strict=True)]
            for blocks in zip_longest(*sounds):
                if blocks[0] is not None:
                    peak = max(peak, float(np.abs(blocks[0]).max(initial=0.0)))
                for stream, block in zip(streams, blocks, strict=True):
                    if block is not None:
                        stream.write(np.ascontiguousarray(block.T, dtype=np.float32).tobytes())
        if repair is not None:
            notes.not_numbers_s = [at_s - repair.lag_s for at_s in notes.not_numbers_s]
        if files[0].stat().st_size == 0:
            raise ItemError("no-samples", f"{source.name}: expected sound, decoded not one sample")
        sound, *others = map(SamplesOnDisk, files)
        minute = 60 * rate
        levels = [
            silence.step_levels_db(sound[at : at + minute][:, ambisonics.W], rate)
            for at in range(0, len(sound), minute)
        ]
        return [sound, *others], np.concatenate(levels), peak

    def summary(self, measures: Mapping[str, Any]) -> str:
        if not measures.get("clips") or "shots" not in measures:
            return ""
        clips = "1 clip" if measures["clips"] == 1 else f"{measures['clips']} clips"
        shots = "1 shot" if measures["shots"] == 1 else f"{measures['shots']} shots"
        quiet = measures["silent_s"] / max(measures["duration_s"], 1e-9)
        return f"{clips} from {shots}; {quiet:.0%} of the video is silent"

    def check_output(self, name: str, path: Path) -> None:
        from yt360.media.clips import check_clip_sound, check_clip_video

        kind = name.rpartition(".")[2]
        if kind == "video":
            check_clip_video(path)
        elif kind in ("foa", "stereo", "binaural"):
            check_clip_sound(path, 4 if kind == "foa" else 2)
        elif name == "json":
            parse_json(path.read_text(encoding="utf-8"))


def _all_numbers(place: Placement, not_numbers_s: Sequence[float]) -> bool:
    """Whether no sample in a clip was read as 0 because it was no number."""
    begin, end = place.start_s - _REACH_S - _TENTH_S, place.start_s + place.duration_s + _REACH_S
    return not any(begin < at < end for at in not_numbers_s)
