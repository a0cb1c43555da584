"""validate: is this a whole 360° picture with first-order ambisonics, and how is it to be read?

Measures are kept without thresholds; :meth:`Validate.decide` turns them into a verdict. The output
``facts`` holds the specs by which every later stage decodes picture and sound.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from yt360.crawling.listing import read_listing
from yt360.engine.stage import (
    Context,
    DatasetView,
    Done,
    Failed,
    Filtered,
    Item,
    Outcome,
    Resources,
    Stage,
    StageParams,
    StageThresholds,
)
from yt360.errors import ItemError
from yt360.files import parse_json
from yt360.media.ambisonic.thresholds import AmbisonicThresholds
from yt360.media.ambisonic.validity import judge_ambisonics
from yt360.media.projection.decision import PictureThresholds, decide_picture
from yt360.media.projection.words import picture_words, reason_code
from yt360.settings import Settings

if TYPE_CHECKING:
    from yt360.media.inspection import Inspection

_DAMAGE = ("truncated", "corrupt")


class ValidateParams(StageParams):
    """What changes the measurement."""

    sample_s: float = Field(
        default=28.0,
        gt=0,
        description="Seconds of sound that are decoded, spread over the video. Raising it costs time and judges "
        "changing sound better.",
    )
    convention: Literal["auto", "ambix", "n3d", "orthonormal", "fuma"] = Field(
        default="auto",
        description="Order and weights of the four channels of all videos, where you know them: it overrules what the "
        "files say. A column `convention` in a table of sources says it for one video. auto finds it out.",
    )


class ValidateThresholds(StageThresholds):
    """What only decides."""

    least_duration_s: float = Field(
        default=9.5, ge=0, description="Shortest overlap of picture and sound that is worth a clip."
    )
    allow_horizontal_only: bool = Field(default=True, description="Keep sound without height (silent Z).")
    picture: PictureThresholds = Field(
        default=PictureThresholds(), description="When the projection of a picture is believed."
    )
    ambisonics: AmbisonicThresholds = Field(
        default=AmbisonicThresholds(), description="When four channels count as first-order ambisonics."
    )


class Validate(Stage):
    """Measures projection, stereo layout and ambisonic validity; filters what cannot enter the dataset.

    Reasons: ``no-picture``, ``no-sound``, ``no-ambisonics``, ``invalid-ambisonics``,
    ``uncertain-ambisonics``, ``not-360``, ``vr180``, ``unknown-projection``, ``too-short``.
    """

    name: ClassVar[str] = "validate"
    item_kind: ClassVar[str] = "video"
    version: ClassVar[int] = 14
    params_type: ClassVar[type[Settings]] = ValidateParams
    thresholds_type: ClassVar[type[Settings]] = ValidateThresholds
    needs = Resources(memory_mb=1024, timeout_s=300.0)
    inputs: ClassVar[Mapping[str, str]] = {"video": "crawl.video?", "sound": "crawl.sound?", "info": "crawl.info?"}
    after: ClassVar[tuple[str, ...]] = ("crawl",)

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        """The videos that arrived, with what a table says of their sound."""
        listing = read_listing(dataset)
        for item in super().plan(dataset):
            # Part of the key: an edited table measures exactly its videos anew.
            convention = listing.get(item.id, {}).get("convention")
            yield replace(item, meta={"convention": convention}) if convention else item

    def process(self, item: Item, context: Context) -> Outcome:
        """Inspect the files and write ``facts.json``; pictures too where a person should look."""
        # Here: who asks where a root stands does not wait for libraries that decode.
        from yt360.media.evidence import write_pictures
        from yt360.media.inspect import inspect_media

        said = item.meta.get("convention") or self.params.convention
        inspection = inspect_media(
            item.files.get("video"), item.files.get("sound"), sample_s=self.params.sample_s,
            convention="" if said == "auto" else str(said),
        )  # fmt: skip
        for kind, words in inspection.problems:
            if kind in _DAMAGE:
                return Failed(kind, words)
        measures = _measures(inspection)
        facts = inspection.facts()
        # Paths of this machine do not belong into an output that must be the same everywhere.
        facts["file"] = item.files["video"].name if "video" in item.files else None
        facts["sound_file"] = item.files["sound"].name if "sound" in item.files else None
        (context.workdir / "facts.json").write_text(json.dumps(facts, indent=1, sort_keys=True, allow_nan=False) + "\n")
        outputs = {"facts": "facts.json"}
        if measures["projection"] == "unknown":
            outputs.update(write_pictures(inspection, context.workdir))
        return Done(outputs, measures)

    def decide(self, measures: Mapping[str, Any]) -> Filtered | None:
        """The first thing that speaks against the video, from the measures alone."""
        picture = self._judge_picture(measures)
        if picture is not None:
            return picture
        sound = self._judge_sound(measures)
        if sound is not None:
            return sound
        least = self.thresholds.least_duration_s
        if measures["overlap_s"] < least:
            return Filtered(
                "too-short", f"picture and sound overlap for {measures['overlap_s']:.1f} s, expected {least:g} s"
            )
        return None

    def _judge_picture(self, measures: Mapping[str, Any]) -> Filtered | None:
        scores, said = measures["picture_scores"], measures["picture_reason"]
        if not scores or said == "raw-camera":
            return Filtered(said, measures["picture_words"]) if said else None
        decision = decide_picture(scores, measures["picture_stated"], self.thresholds.picture)
        if decision.kind != "sphere":
            return Filtered(reason_code(decision), picture_words(decision, measures["picture_measures"]))
        if decision.best.name != measures["picture_taken"]:
            return Filtered(
                "unknown-projection",
                f"by these limits the picture would be read as {decision.best.name}, facts.json has "
                f"{measures['picture_taken'] or 'no way to read it'}; measure it again",
            )
        return None

    def _judge_sound(self, measures: Mapping[str, Any]) -> Filtered | None:
        if measures["ambisonics"] is None:
            return Filtered(measures["sound_reason"], measures["sound_words"])
        verdict = judge_ambisonics(
            measures["ambisonics"],
            declared=measures["stated"],
            picture=measures["with_picture"],
            thresholds=self.thresholds.ambisonics,
        )
        if not verdict.usable:
            return Filtered(f"{verdict.verdict}-ambisonics", verdict.reason)
        if verdict.horizontal_only and not self.thresholds.allow_horizontal_only:
            return Filtered("invalid-ambisonics", "Z is silent and horizontal-only sound is not allowed")
        if verdict.convention != measures["convention_taken"]:
            return Filtered(
                "uncertain-ambisonics",
                f"by these limits the sound would be read as {verdict.convention}, facts.json reads it as "
                f"{measures['convention_taken']}; measure it again",
            )
        return None

    def check_output(self, name: str, path: Path) -> None:
        """``facts`` is an object with the keys of both decoding specs; pictures are not read again."""
        if name != "facts":
            return
        try:
            facts = parse_json(path.read_text())
        except (OSError, ValueError) as error:
            raise ItemError("corrupt-output", f"{path}: expected JSON, found {error}") from None
        missing = {"picture_reading", "sound_reading", "start_s", "end_s", "duration_s"} - set(
            facts if isinstance(facts, dict) else ()
        )
        if missing:
            raise ItemError("corrupt-output", f"{path}: expected the keys {sorted(missing)}, they are missing")


def _measures(inspection: Inspection) -> dict[str, Any]:
    """Numbers and words that :meth:`Validate.decide` needs, JSON-safe."""
    report = inspection.to_json()
    picture, sound = inspection.picture, inspection.ambisonic
    start, end = inspection.overlap
    loudest = inspection.loudest_direction()
    return {
        "projection": picture.projection if picture else "none",
        "stereo": picture.stereo if picture else "none",
        "projection_source": picture.source if picture else "none",
        "disagreement": picture.disagreement if picture else "",
        "picture_reason": picture.reason if picture else inspection.absent("video")[0],
        "picture_scores": dict(picture.scores) if picture else {},
        "picture_stated": picture.stated if picture else "",
        "picture_taken": picture.taken if picture else "",
        "picture_measures": dict(inspection.guess.measures) if inspection.guess else {},
        "picture_words": picture.words if picture else inspection.absent("video")[1],
        "container": report["container"],
        "duration_s": report["duration_s"],
        "video_codec": report["video"]["codec"] if report["video"] else None,
        "audio_codec": report["audio"]["codec"] if report["audio"] else None,
        "audio_channels": report["audio"]["channels"] if report["audio"] else 0,
        "width": report["video"]["width"] if report["video"] else 0,
        "height": report["video"]["height"] if report["video"] else 0,
        "fps": report["video"]["fps"] if report["video"] else 0.0,
        "sound_reason": sound.reason if sound else inspection.absent("audio")[0],
        "sound_words": sound.words if sound else inspection.absent("audio")[1],
        "ambisonics": sound.measures if sound and sound.verdict else None,
        "declared": sound.declared if sound else "ambix",
        "stated": bool(sound and sound.stated),
        "with_picture": bool(sound and sound.with_picture),
        "posterior": [[name, share] for name, share in sound.verdict.posterior] if sound and sound.verdict else [],
        "convention_taken": sound.verdict.convention if sound and sound.verdict else "",
        "convention": sound.convention if sound else "",
        "horizontal_only": bool(sound and sound.verdict and sound.verdict.horizontal_only),
        "flags": list(sound.verdict.flags) if sound and sound.verdict else [],
        "repaired": sound.reading.repaired if sound and sound.reading else "",
        "head_locked_db": sound.head_locked_db if sound else None,
        "agreement": report["agreement"],
        "overlap_s": round(end - start, 3),
        "frames_seen": report["sampled"]["frames"],
        "sound_heard_s": report["sampled"]["sound_s"],
        **loudest,
    }
