"""One clip of a dataset, as people read it: frames, first-order ambisonics, panoptic maps and views."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.dataset.cutting import Moment, cut, frame_numbers
from yt360.dataset.decoding import ClipDecoder, Windows
from yt360.dataset.manifest import clip_row
from yt360.dataset.members import MemberReader
from yt360.dataset.panoptic import check_map_size, segment_ids
from yt360.dataset.perspective_crop import PAD, crop_labels
from yt360.dataset.variant import Variant, VariantTable
from yt360.dataset.views import fixed_view
from yt360.errors import UsageError
from yt360.events.clip_events import ClipEvents, read_clip_events
from yt360.segmentation import Category, ClipMaps, PanopticMap

_SLACK_S = 1e-6
"""Seconds that a window may reach over the end, for sums of floats."""


@dataclass(frozen=True)
class ClipView:
    """A look into a clip: picture and sound, turned by one rotation.

    ``frames`` (T, size, size, 3) uint8 RGB; ``foa`` (4, N) float32 AmbiX: what is in the middle of the picture is
    heard on +X; ``rotation`` (3, 3) float64 takes directions of the clip to those of the view; ``view``: direction
    and field of view in radians; ``panoptic`` (size, size) int32: the segment of each pixel at the last frame, 0
    for none, or ``None`` where it was not asked for or the clip has no maps.
    """

    frames: NDArray[np.uint8]
    foa: NDArray[np.float32]
    rotation: NDArray[np.float64]
    view: sphere.View
    panoptic: NDArray[np.int32] | None = None


class Clip:
    """One clip. Times are seconds from its beginning; nothing is read before it is asked for.

    All methods raise :class:`yt360.errors.UsageError` for times outside the clip, and
    :class:`yt360.errors.ItemError` where its bytes are not what the manifest says.

    >>> clip = data["video000-00000"]
    >>> clip
    Clip('video000-00000', split='train', 2.0 s, 128x64 at 16 fps, 24000 Hz)
    """

    def __init__(
        self,
        row: Mapping[str, Any],
        reader: MemberReader,
        windows: Windows | None = None,
        where: str = "clips.parquet",
        variants: VariantTable | None = None,
    ) -> None:
        self._variants = variants
        self.metadata: dict[str, Any] = dict(row)
        """The clip's row of the manifest; the columns are described in :mod:`yt360.dataset.schema`."""
        self.row = clip_row(row, where)
        self._reader = reader
        self.decoder = ClipDecoder(reader, self.row, windows)
        """Reads windows of picture and sound as the network's input is made of them."""
        self._maps: ClipMaps | None = None

    def __repr__(self) -> str:
        row = self.row
        return (
            f"Clip({self.id!r}, split={self.split!r}, {self.duration_s:.1f} s, {row.width}x{row.height} "
            f"at {row.fps:g} fps, {row.sample_rate_hz} Hz)"
        )

    @property
    def id(self) -> str:
        """Unique name."""
        return self.row.clip

    @property
    def video(self) -> str:
        """Id of the video that the clip was cut from."""
        return self.row.video

    @property
    def split(self) -> str:
        """``train`` or ``test``."""
        return str(self.metadata["split"])

    @property
    def start_s(self) -> float | None:
        """Where in the video the clip begins; ``None`` where the manifest does not say."""
        return self.metadata.get("start_s")

    @property
    def duration_s(self) -> float:
        """Time that picture and sound have in common."""
        return min(self.row.frames / self.row.fps, self.row.samples / self.row.sample_rate_hz)

    @property
    def fps(self) -> float:
        """Frames a second, constant."""
        return self.row.fps

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the whole frames in pixels."""
        return self.row.height, self.row.width

    @property
    def sample_rate_hz(self) -> int:
        """Samples a second of the sound."""
        return self.row.sample_rate_hz

    def frame(self, time_s: float = 0.0) -> NDArray[np.uint8]:
        """The whole equirectangular frame nearest to a time, ``(H, W, 3)`` uint8 RGB.

        >>> clip.frame(1.0).shape
        (64, 128, 3)
        """
        self._check(time_s, 0.0, self.row.frames / self.row.fps, "picture")
        picture: NDArray[np.uint8] = self._panoramas(frame_numbers(self.row, time_s, 1, self.fps))[0]
        return picture

    def frames(
        self, start_s: float = 0.0, duration_s: float | None = None, *, fps: float | None = None
    ) -> NDArray[np.uint8]:
        """Whole equirectangular frames ``(T, H, W, 3)`` uint8 RGB of a stretch of the clip.

        ``duration_s``: to the clip's end if not given; at least one frame comes. ``fps``: frames a second, those
        nearest in time; the clip's own if not given.

        >>> clip.frames(0.0, 0.5).shape
        (8, 64, 128, 3)
        >>> clip.frames(0.0, 0.5, fps=4).shape
        (2, 64, 128, 3)
        """
        return self._panoramas(self._numbers(start_s, duration_s, fps))

    def foa(self, start_s: float = 0.0, duration_s: float | None = None) -> NDArray[np.float32]:
        """First-order ambisonics ``(4, N)`` float32 in [-1, 1] of a stretch: AmbiX, channels W Y Z X, SN3D.

        ``duration_s``: to the clip's end if not given; at least one sample comes.

        >>> clip.foa(0.5, 1.0).shape
        (4, 24000)
        """
        start, samples = self._samples(start_s, duration_s)
        sound: NDArray[np.float32] = self.decoder.sound([start], samples)[0].copy()
        return sound

    @property
    def variants(self) -> dict[str, Variant]:
        """Further pictures and sounds of the clip (``chunk.variants``) by the extension of their members.

        >>> clip.variants
        {}
        """
        return self._variants.of(self.id) if self._variants is not None else {}

    def panoptic(self, time_s: float = 0.0) -> PanopticMap | None:
        """The panoptic map nearest to a time, or ``None`` where the clip has no maps.

        ``.ids`` (H, W) int32: the segment of each pixel, 0 for none; ``.segments``: id, category, score and area of
        each. :attr:`categories` names the categories.

        >>> found = clip.panoptic(1.0)
        >>> found.ids.shape, [segment.category_id for segment in found.segments]
        ((64, 128), [1, 100])
        """
        self._check(time_s, 0.0, self.duration_s, "clip")
        return None if self.maps is None else self.maps.read(self.maps.nearest(time_s))

    @property
    def maps(self) -> ClipMaps | None:
        """All panoptic maps of the clip with their rate, model and categories, or ``None`` where it has none."""
        if self._maps is None and self.row.panoptic_offset is not None:
            self._maps = ClipMaps(self._reader.maps(self.row), f"clip {self.id}")
        return self._maps

    @cached_property
    def events(self) -> ClipEvents | None:
        """The sound events of the clip with their directions, or ``None`` where nobody looked for any.

        >>> [(event.label, event.start_s, event.azimuth_deg) for event in clip.events.events]
        [('speech', 0.3, (40.0, 41.0))]
        """
        if self.row.events_offset is None:
            return None
        return read_clip_events(self._reader.events(self.row), f"clip {self.id}")

    @property
    def categories(self) -> tuple[Category, ...]:
        """What the categories of the clip's panoptic maps are; empty where it has none.

        >>> [category.name for category in data[0].categories][:2]
        ['ground', 'disc 0']
        """
        return () if self.maps is None else tuple(self.maps.categories)

    def view(
        self,
        azimuth_deg: float = 0.0,
        elevation_deg: float = 0.0,
        fov_deg: float | tuple[float, float] = 90.0,
        *,
        start_s: float = 0.0,
        picture_s: float = 0.5,
        sound_s: float = 1.0,
        size: int = 112,
        fps: float | None = None,
        panoptic: bool = False,
    ) -> ClipView:
        """A perspective crop and the sound as heard by who looks there, both turned by one rotation.

        ``azimuth_deg`` counter-clockwise from the front (left is positive), ``elevation_deg`` up in [-90, 90];
        ``fov_deg`` full opening angle in (0, 180), or (horizontal, vertical). From ``start_s`` on, ``picture_s`` of
        picture (at ``fps`` frames a second, the clip's own if not given) and ``sound_s`` of sound. ``size``: side of
        the square picture in pixels. ``panoptic``: cut the map at the last frame as well.

        >>> view = clip.view(azimuth_deg=30, elevation_deg=0, fov_deg=90, picture_s=0.5, sound_s=1.0, size=112)
        >>> view.frames.shape, view.foa.shape
        ((8, 112, 112, 3), (4, 24000))
        >>> from yt360 import ambisonics
        >>> bool(np.allclose(view.foa, ambisonics.rotate(clip.foa(0.0, 1.0), view.rotation), atol=1e-6))
        True
        """
        drawn = fixed_view(self._look(azimuth_deg, elevation_deg, fov_deg))
        if not 1 <= size <= 16384:
            raise UsageError(f"clip {self.id}: size {size} must lie in [1, 16384] pixels")
        start, samples = self._samples(start_s, sound_s)
        moment = Moment(start, self._numbers(start_s, picture_s, fps))
        made = cut(self.decoder, [moment], [drawn], samples=samples, size=size)
        ids = None
        maps = self.maps if panoptic else None
        if maps is not None:
            whole = segment_ids(maps.read(maps.nearest(moment.frames[-1] / self.fps)))
            check_map_size(whole, self.row)
            ids = crop_labels(whole[None], drawn, size)[0]
        return ClipView(
            frames=made.pictures[0],
            foa=made.matrices[0] @ made.sound[0],
            rotation=drawn.view.rotation,
            view=drawn.view,
            panoptic=ids,
        )

    def _panoramas(self, numbers: tuple[int, ...]) -> NDArray[np.uint8]:
        return self.decoder.frames(numbers)[:, PAD:-PAD, PAD:-PAD].copy()

    def _numbers(self, start_s: float, duration_s: float | None, fps: float | None) -> tuple[int, ...]:
        whole = self.row.frames / self.row.fps
        duration_s = whole - start_s if duration_s is None else duration_s
        self._check(start_s, duration_s, whole, "picture")
        rate = self.row.fps if fps is None else fps
        if not 0 < rate <= 1000:
            raise UsageError(f"clip {self.id}: fps must lie in (0, 1000], found {rate}")
        return frame_numbers(self.row, start_s, max(1, round(duration_s * rate)), rate)

    def _samples(self, start_s: float, duration_s: float | None) -> tuple[int, int]:
        rate = self.row.sample_rate_hz
        whole = self.row.samples / rate
        duration_s = whole - start_s if duration_s is None else duration_s
        self._check(start_s, duration_s, whole, "sound")
        count = max(1, round(duration_s * rate))
        return max(0, min(round(start_s * rate), self.row.samples - count)), count

    def _check(self, start_s: float, duration_s: float, whole_s: float, what: str) -> None:
        end_s = start_s + duration_s
        if not (start_s >= 0 and duration_s >= 0 and end_s <= whole_s + _SLACK_S):
            raise UsageError(
                f"clip {self.id}: {start_s:g} s to {end_s:g} s is outside its {what}, which lasts from 0 s to "
                f"{whole_s:g} s"
            )

    def _look(self, azimuth_deg: float, elevation_deg: float, fov_deg: float | tuple[float, float]) -> sphere.View:
        horizontal, vertical = fov_deg if isinstance(fov_deg, tuple) else (fov_deg, fov_deg)
        if not (0 < horizontal < 180 and 0 < vertical < 180):
            raise UsageError(f"clip {self.id}: fov_deg must lie in (0, 180) degrees, found {fov_deg}")
        if not (-90 <= elevation_deg <= 90 and math.isfinite(azimuth_deg)):
            raise UsageError(
                f"clip {self.id}: elevation_deg must lie in [-90, 90] and azimuth_deg be finite, found "
                f"{elevation_deg} and {azimuth_deg}"
            )
        return sphere.View(*(math.radians(angle) for angle in (azimuth_deg, elevation_deg, horizontal, vertical)))
