"""Segment: panoptic maps of clips, some a second, at the clips' own resolution.

Consumes the picture of each clip; produces ``KEY.panoptic.zip`` (see
:mod:`yt360.segmentation.clip_maps`). Items are clips, so a stopped run goes on where it was. A clip
whose maps could not be made stays in the dataset without them; ``status`` counts it as failed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from yt360.engine.stage import Context, DatasetView, Done, Failed, Item, Outcome, Resources, Stage
from yt360.errors import ItemError, UsageError
from yt360.segmentation.clip_maps import ClipMaps, clip_maps_bytes
from yt360.segmentation.maps import PanopticMap
from yt360.segmentation.on_sphere import segment_spheres
from yt360.segmentation.settings import CHOICES, FPN, TRANSFORMERS, PanopticModelSettings, SphereSettings, known
from yt360.segmentation.tracking import join_over_time
from yt360.segmentation.weights import MissingModelError, named_file
from yt360.settings import unit

if TYPE_CHECKING:
    from yt360.segmentation.backend import PanopticModel

NO_MODEL = "none"
_DEVICES = re.compile(r"auto|cpu|mps|(cuda|xpu)(:\d+)?")


class SegmentParams(PanopticModelSettings, SphereSettings):
    """Which model makes the maps, of how many frames, and how."""

    model: str = Field(default=FPN[0], description=f"The panoptic model: {CHOICES}; none makes no maps.")
    rate_hz: float = Field(
        default=4.0, gt=0, le=120, description="Maps per second of a clip. Raising it costs time in proportion."
    )
    track: bool = Field(default=True, description="A thing keeps its id from map to map of a clip.")
    batch: int = Field(
        default=8,
        ge=1,
        le=256,
        json_schema_extra=unit("frames"),
        description="Frames that are worked on at a time. The model sees each alone, so it changes no map.",
    )

    @field_validator("model")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value != NO_MODEL and not known(value):
            raise ValueError(f"expected {CHOICES}, or none")
        return value


class Segment(Stage):
    name = "segment"
    item_kind = "clip"
    version = 3
    params_type = SegmentParams
    unkeyed = frozenset({"batch", "device", "channels_last", "weights"})
    id_in_key = "clip"
    needs = Resources(memory_mb=6144, timeout_s=4 * 3600, max_attempts=2)
    after = ("chunk",)

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self._model: PanopticModel | None = None
        self._missing = ""
        self._batch = self.params.batch

    @property
    def off(self) -> str:
        return "no model" if self.params.model == NO_MODEL else ""

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        if self.off:
            return
        for clip in dataset.children_after("chunk"):
            yield Item(id=clip.id, source_id=clip.parent.source, inputs={"video": clip.outputs["video"]})

    def check(self) -> None:
        """Refuse a file that is not there and a device that is none: every clip would fail."""
        if self.off:
            return
        params: SegmentParams = self.params
        named_file(params.model, params.weights)
        folder = params.model.removeprefix(TRANSFORMERS)
        if folder != params.model and Path(folder).is_absolute() and not Path(folder).is_dir():
            raise UsageError(f"segment.model: {folder}: expected the folder of a model, found none")
        if not _DEVICES.fullmatch(params.device):
            raise UsageError(f"segment.device: expected auto, cpu, cuda or cuda:N, found {params.device!r}")

    def prepare_host(self) -> None:
        """Fetch the weights once, before workers look for them. Where there are none, each clip says so."""
        from yt360.segmentation.backends import prepare

        with contextlib.suppress(MissingModelError):
            prepare(self.params)

    def setup(self) -> None:
        from yt360.segmentation.backends import load_model

        try:
            self._model = load_model(self.params, download=False)
        except MissingModelError as error:
            self._missing = str(error)

    def process(self, item: Item, context: Context) -> Outcome:
        if self._model is None:
            return Failed("no-model", f"{item.id}: {self._missing or 'the model was not set up'}")
        maps = self._maps(self._model, item.files["video"])
        params: SegmentParams = self.params
        if params.track:
            maps = join_over_time(maps)
        about = {
            "model": self._model.name,
            "licence": self._model.licence,
            "weights": self._model.weights,
            "way": params.way,
            "tracked": params.track,
        }
        name = f"{item.id}.panoptic.zip"
        data = clip_maps_bytes(item.id, maps, params.rate_hz, self._model.categories, about)
        (context.workdir / name).write_bytes(data)
        return Done(outputs={"panoptic": name}, measures=about | _measures(maps, params.rate_hz, self._model))

    def _maps(self, model: PanopticModel, video: Path) -> list[PanopticMap]:
        from yt360.segmentation.batching import Batcher

        params: SegmentParams = self.params

        def predict(frames: list[NDArray[np.uint8]]) -> list[PanopticMap]:
            return segment_spheres(model, frames, params)

        # What fits into memory was learnt with the clips before.
        batcher = Batcher(predict, self._batch)
        maps = list(batcher.run(read_at_rate(video, params.rate_hz)))
        self._batch = batcher.size
        return maps

    def check_output(self, name: str, path: Path) -> None:
        maps = ClipMaps(path.read_bytes(), str(path))
        if not len(maps):
            raise ItemError("corrupt-map", f"{path}: expected the maps of a clip, found none")
        for number in range(len(maps)):
            maps.read(number)


def read_at_rate(video: Path, rate_hz: float) -> Iterator[NDArray[np.uint8]]:
    """Frames ``(H, W, 3)`` RGB of a clip, ``rate_hz`` a second from time 0 on, each the nearest to its time.

    Raises :class:`ItemError` when the clip does not decode or holds no frame.
    """
    import av  # here: who asks where a root stands does not wait for libraries that decode

    number = 0
    try:
        with av.open(str(video)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            fps = float(stream.average_rate or 0)
            if fps <= 0:
                raise ItemError("corrupt", f"{video}: expected a clip with a frame rate, found none")
            for index, frame in enumerate(container.decode(stream)):
                if index == round(number * max(1.0, fps / rate_hz)):
                    yield frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
                    number += 1
    except (av.FFmpegError, IndexError, OSError) as error:
        raise ItemError("corrupt", f"{video}: expected a clip's picture, found: {error}") from error
    if not number:
        raise ItemError("corrupt", f"{video}: expected a clip's picture, found no frame")


def _measures(maps: Sequence[PanopticMap], rate_hz: float, model: PanopticModel) -> dict[str, Any]:
    """How many maps and things there are, and the share of the maps' pixels that each category has."""
    names = {category.id: category.name for category in model.categories}
    pixels: dict[int, int] = {}
    for panoptic in maps:
        for segment in panoptic.segments:
            pixels[segment.category_id] = pixels.get(segment.category_id, 0) + segment.area
    total = sum(panoptic.ids.size for panoptic in maps)
    most = sorted(pixels, key=lambda category: (-pixels[category], category))
    return {
        "maps": len(maps),
        "rate_hz": rate_hz,
        "things": len({segment.id for panoptic in maps for segment in panoptic.segments if segment.isthing}),
        "shares": {names[category]: round(pixels[category] / total, 4) for category in most},
    }
