"""Embed: features of each clip by a trained model, by moment and direction.

Consumes the picture and the sound of each clip; produces ``KEY.features.parquet`` (see
:mod:`yt360.inference.features_table`). It adds nothing to shards or manifests: `yt360 embed --root DIR` runs it and
gathers the files into one table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from yt360.dataset.loose_clip import loose_clip
from yt360.engine.stage import Context, DatasetView, Done, Item, Outcome, Resources, Stage, StageParams
from yt360.errors import UsageError
from yt360.inference.embedding_settings import AROUND_DEG, EmbeddingSettings
from yt360.inference.features_table import MODALITIES, USUAL, read_features, write_features
from yt360.settings import unit

if TYPE_CHECKING:
    from yt360.inference.embedding import Embedder

_FACTS = ("frames", "fps", "height", "width", "samples", "sample_rate_hz", "convention")
"""What is known of a clip besides its files."""


class EmbedParams(StageParams):
    """Which model, which moments and directions, and which kinds of features."""

    model: str = Field(default="", description="Folder of the model. Empty: the stage does nothing.")
    weights: str = Field(
        default="",
        pattern="^[0-9a-f]*$",
        description="Digest of the model, by which clips are embedded again with another one; `yt360 embed` fills it "
        "in.",
    )
    every_s: float = Field(default=1.0, gt=0, le=3600, description="Time from one moment to the next.")
    directions_deg: tuple[tuple[float, float], ...] = Field(
        default=AROUND_DEG,
        min_length=1,
        description="Directions of the views: azimuth, counter-clockwise from the front, and elevation.",
    )
    fov_deg: float | None = Field(
        default=None, gt=0, lt=180, description="Field of view of the views. Not given: the model's."
    )
    modalities: tuple[str, ...] = Field(
        default=USUAL, min_length=1, description=f"Kinds of features: some of {', '.join(MODALITIES)}."
    )
    split: str = Field(default="", description="Only the clips of this split. Empty: all.")
    batch: int = Field(
        default=4, ge=1, le=1024, json_schema_extra=unit("moments"), description="Read together; changes no number."
    )
    device: str = Field(default="cpu", description="Where the network computes: cpu, cuda or cuda:N.")

    @field_validator("modalities")
    @classmethod
    def _are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [each for each in value if each not in MODALITIES]
        if unknown:
            raise ValueError(f"expected some of {', '.join(MODALITIES)}, found {', '.join(unknown)}")
        return value

    @property
    def settings(self) -> EmbeddingSettings:
        return EmbeddingSettings(self.every_s, self.directions_deg, self.fov_deg, self.modalities, self.batch)


class Embed(Stage):
    name = "embed"
    version = 3
    item_kind = "features of a clip"  # no stage of clips has a say in them
    params_type = EmbedParams
    unkeyed = frozenset({"model", "split", "batch", "device"})
    id_in_key = "clip"
    needs = Resources(memory_mb=3072, timeout_s=3600, max_attempts=2)
    after = ("chunk", "split")
    decides = False

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        if self.params.device.startswith("cuda"):
            self.needs = replace(self.needs, gpus=1.0)
        self._embedder: Embedder | None = None

    @property
    def off(self) -> str:
        return "" if self.params.model else "no model"

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        if self.off:
            return
        wanted = self.params.split
        sides = dataset.passing("split") if wanted and "split" in dataset.stages else {}
        for clip in dataset.children_after("chunk", ("split",)):
            video = clip.parent.item
            if wanted and (video not in sides or sides[video].measures["split"] != wanted):
                continue
            inputs = {name: clip.outputs[name] for name in ("video", "foa")}
            facts = {"clip": clip.id, "video": video} | {name: clip.meta[name] for name in _FACTS}
            yield Item(id=clip.id, source_id=clip.parent.source, inputs=inputs, hints={"facts": facts})

    def check(self) -> None:
        """Refuse a model that is not there, and one whose digest nobody took: every clip would fail."""
        params: EmbedParams = self.params
        if self.off:
            return
        if not Path(params.model).is_dir():
            raise UsageError(f"embed.model: {params.model}: expected the folder of a model, found none")
        if not params.weights:
            raise UsageError(
                "embed.weights: expected the digest of the model, found nothing: `yt360 embed --root DIR --model "
                f"{params.model} --out features.parquet` takes it"
            )

    def setup(self) -> None:
        from yt360.inference.embedding import Embedder

        params: EmbedParams = self.params
        self._embedder = Embedder.load(Path(params.model), params.settings, device=params.device)
        if (found := self._embedder.model_digest) != params.weights:
            raise UsageError(
                f"embed.model: {params.model}: expected the model with digest {params.weights}, found {found}: "
                f"another one was put there; `yt360 embed --root DIR --model {params.model}` embeds the clips with it"
            )

    def process(self, item: Item, context: Context) -> Outcome:
        from yt360.inference.recording import ClipRecording

        embedder = self._embedder
        if embedder is None:
            raise UsageError("embed.model: expected a model, found none")
        clip = loose_clip(item.hints["facts"], item.files["video"], item.files["foa"])
        table = embedder.rows(item.id, ClipRecording(clip, embedder.processor.settings))
        name = f"{item.id}.features.parquet"
        rows = write_features(context.workdir / name, [table], embedder.about)
        each = len(embedder.settings.directions_deg) * len(embedder.settings.modalities)
        return Done(outputs={"features": name}, measures={"moments": rows // each, "rows": rows})

    def summary(self, measures: Mapping[str, Any]) -> str:
        return f"{measures['moments']} {'moment' if measures['moments'] == 1 else 'moments'}"

    def check_output(self, name: str, path: Path) -> None:
        read_features(path)
