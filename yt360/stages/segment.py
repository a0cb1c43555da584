"""Segment: panoptic maps of clips, some a second, at the clips' own resolution.

Consumes the picture of each clip; produces ``KEY.panoptic.zip`` (see
:mod:`yt360.segmentation.clip_maps`). Items are clips, so a stopped run goes on where it was. A clip
whose maps could not be made stays in the dataset without them; ``status`` counts it as failed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from yt360.engine.stage import Context, DatasetView, Done, Failed, Item, Outcome, Resources, Stage, StageParams
from yt360.errors import ItemError, UsageError
from yt360.segmentation.clip_maps import ClipMaps, clip_maps_bytes
from yt360.segmentation.maps import PanopticMap
from yt360.segmentation.on_sphere import SphereSettings, Way, segment_spheres
from yt360.segmentation.tracking import join_over_time

if TYPE_CHECKING:
    from yt360.segmentation.backend import PanopticModel

NO_MODEL = "none"


class SegmentParams(StageParams):
    """``model`` is one of :data:`yt360.segmentation.backends.CHOICES`, or ``none`` for no maps. ``weights`` is
    a file or an address (empty: the published ones), ``sha256`` what its digest begins with.

    ``rate_hz`` maps a second. ``way``, ``wrap_deg``, ``views`` and ``view_size`` as in
    :class:`yt360.segmentation.on_sphere.SphereSettings`. With ``track`` a thing keeps its id through a clip.
    ``batch`` spheres go through the model at a time; ``device`` is auto, cpu, cuda or cuda:N.
    """

    model: str = "panoptic-fpn-r101"
    weights: str = ""
    sha256: str = Field(default="", pattern="^[0-9a-fA-F]*$")
    rate_hz: float = Field(default=4.0, gt=0, le=120)
    way: Way = "equirectangular"
    wrap_deg: float = Field(default=60.0, ge=0, le=180)
    views: int = Field(default=8, ge=4, le=36)
    view_size: int = Field(default=0, ge=0, le=4096)
    track: bool = True
    batch: int = Field(default=8, ge=1, le=256)
    device: str = "auto"
    bfloat16: bool = False
    channels_last: bool = False

    @field_validator("model")
    @classmethod
    def _is_known(cls, value: str) -> str:
        from yt360.segmentation.backends import CHOICES, known

        if value != NO_MODEL and not known(value):
            raise ValueError(f"expected {CHOICES}, or none")
        return value


class Segment(Stage):
    name = "segment"
    item_kind = "clip"
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

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        if self.params.model == NO_MODEL:
            return
        for clip in dataset.children_after("chunk"):
            yield Item(id=clip.id, source_id=clip.parent.source, inputs={"video": clip.outputs["video"]})

    def prepare_host(self) -> None:
        """Fetch the weights once, before workers look for them. What goes wrong is each clip's to report."""
        from yt360.segmentation.backends import prepare

        with contextlib.suppress(UsageError):
            prepare(self._settings(download=True))

    def setup(self) -> None:
        from yt360.segmentation.backends import load_model

        try:
            self._model = load_model(self._settings(download=False))
        except UsageError as error:
            self._missing = str(error)

    def _settings(self, *, download: bool) -> Any:
        from yt360.segmentation.backends import PanopticModelSettings

        params: SegmentParams = self.params
        return PanopticModelSettings(
            model=params.model,
            weights=params.weights,
            sha256=params.sha256,
            device=params.device,
            bfloat16=params.bfloat16,
            channels_last=params.channels_last,
            download=download,
        )

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
        settings = SphereSettings(params.way, params.wrap_deg, params.views, params.view_size)

        def predict(frames: list[NDArray[np.uint8]]) -> list[PanopticMap]:
            return segment_spheres(model, frames, settings)

        # What fits into memory was learnt with the clips before.
        batcher = Batcher(predict, self._batch)
        maps = list(batcher.run(read_at_rate(video, params.rate_hz)))
        self._batch = batcher.size
        return maps

    def check_output(self, name: str, path: Path) -> None:
        maps = ClipMaps(path.read_bytes(), str(path))
        for number in range(len(maps)):
            maps.read(number)


def read_at_rate(video: Path, rate_hz: float) -> Iterator[NDArray[np.uint8]]:
    """Frames ``(H, W, 3)`` RGB of a clip, ``rate_hz`` a second from time 0 on, each the nearest to its time.

    Raises :class:`ItemError` when the clip does not decode or holds no frame.
    """
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
