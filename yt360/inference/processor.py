"""Makes a model's input out of recordings."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from yt360 import sphere
from yt360.dataset.clip import Clip
from yt360.dataset.perspective_crop import DrawnView, crop_frames
from yt360.dataset.views import fixed_view, sound_matrix
from yt360.errors import UsageError
from yt360.inference.embedding_settings import AROUND_DEG
from yt360.inference.recording import ClipRecording, FileRecording, RawMoment, Recording, check_starts
from yt360.media.how_to_read import look
from yt360.models import hub
from yt360.models.folder import find_model, read_model, read_processor
from yt360.models.processor_settings import ProcessorSettings


class AVSAProcessor:
    """Reads recordings as a model was trained to see and hear them.

    >>> import yt360
    >>> processor = yt360.AVSAProcessor.from_pretrained(folder)
    >>> inputs = processor(clip, start_s=[0.0, 0.5], directions_deg=[(0, 0), (90, 0), (-90, 30)])
    >>> {name: tuple(tensor.shape) for name, tensor in inputs.items()}["pictures"]
    (2, 3, 4, 16, 16, 3)
    """

    def __init__(self, settings: ProcessorSettings) -> None:
        self.settings = settings

    @classmethod
    def from_pretrained(cls, name: str | Path, *, revision: str | None = None) -> AVSAProcessor:
        """Of a model folder, an output folder of a training run, or ``user/name`` on the hub."""
        folder = find_model(hub.local_folder(name, revision))
        return cls(read_processor(folder, read_model(folder)[1]))

    def open(self, source: str | Path | Clip, *, sound: str | Path | None = None, convention: str = "") -> Recording:
        """A recording: a :class:`yt360.Clip`, or a file (``sound``: of its sound, where that is another one).

        ``convention``: ``ambix``, ``n3d``, ``orthonormal`` or ``fuma``, where it is known and the file does not say it.
        Raises :class:`yt360.errors.UsageError` for a file that is no sphere with ambisonics.
        """
        if isinstance(source, Clip):
            return ClipRecording(source, self.settings)
        return FileRecording(look(Path(source), Path(sound) if sound is not None else None, convention), self.settings)

    def __call__(
        self,
        source: str | Path | Clip | Recording,
        *,
        start_s: Sequence[float] | float = 0.0,
        directions_deg: Sequence[tuple[float, float]] = AROUND_DEG,
        fov_deg: float | None = None,
        convention: str = "",
    ) -> dict[str, Tensor]:
        """Input of :class:`yt360.AVSAModel` for moments and directions, all in one batch.

        ``start_s``: where moments begin (seconds, rising); each has ``settings.sound_s`` of sound and in its middle
        ``settings.picture_s`` of picture. ``directions_deg``: (azimuth, elevation), counter-clockwise from the front
        and up. ``fov_deg``: full opening angle of the square views (default: ``settings.fov_deg``).

        Raises :class:`yt360.errors.UsageError` for moments outside the recording and directions off the sphere.
        """
        recording = self.open(source, convention=convention) if isinstance(source, str | Path | Clip) else source
        starts = [start_s] if isinstance(start_s, int | float) else list(start_s)
        if not starts:
            raise UsageError(f"{recording.name}: expected at least one moment, found none")
        ((_, inputs),) = self.batches(recording, starts, directions_deg, len(starts), fov_deg=fov_deg)
        return inputs

    def batches(
        self,
        recording: Recording,
        starts_s: Sequence[float],
        directions_deg: Sequence[tuple[float, float]] = AROUND_DEG,
        size: int = 8,
        *,
        fov_deg: float | None = None,
    ) -> Iterator[tuple[list[float], dict[str, Tensor]]]:
        """(starts, input) of ``size`` moments at a time, in one pass over the recording."""
        views = views_of(directions_deg, self.settings.fov_deg if fov_deg is None else fov_deg, self.settings)
        check_starts(recording, starts_s, self.settings.sound_s)
        moments = recording.moments(starts_s)
        while some := list(itertools.islice(moments, size)):
            yield [moment.start_s for moment in some], self._input(some, views)

    def starts(self, recording: Recording, every_s: float) -> list[float]:
        """Moments every ``every_s`` seconds as long as there are picture and sound."""
        if not every_s > 0:
            raise UsageError(f"expected a step between moments above 0 s, found {every_s}")
        room_s = recording.end_s - recording.begin_s - self.settings.sound_s
        count = math.floor(room_s / every_s + 1e-6) + 1 if room_s >= -1e-6 else 0
        return [recording.begin_s + k * every_s for k in range(count)]

    def _input(self, moments: Sequence[RawMoment], views: Sequence[DrawnView]) -> dict[str, Tensor]:
        matrices = np.stack([sound_matrix(view, self.settings.switches) for view in views])
        directions = np.stack([view.view.rotation[0] for view in views]).astype(np.float32)
        pictures: NDArray[np.uint8] = np.stack(
            [np.stack([crop_frames(each.frames, view, self.settings.size) for view in views]) for each in moments]
        )
        count = len(moments)
        return {
            "pictures": torch.from_numpy(pictures),
            "sound": torch.from_numpy(np.stack([each.sound for each in moments])[:, None]),
            "matrices": torch.from_numpy(matrices).expand(count, *matrices.shape),
            "directions": torch.from_numpy(directions).expand(count, *directions.shape),
        }


def views_of(
    directions_deg: Sequence[tuple[float, float]], fov_deg: float, settings: ProcessorSettings
) -> list[DrawnView]:
    """Square views in directions (azimuth, elevation). Raises :class:`UsageError` for what is off the sphere."""
    if not directions_deg:
        raise UsageError("expected at least one direction, found none")
    if not 0 < fov_deg < 180:
        raise UsageError(f"expected a field of view between 0 and 180 degrees, found {fov_deg}")
    views = []
    for azimuth_deg, elevation_deg in directions_deg:
        if not (math.isfinite(azimuth_deg) and -90 <= elevation_deg <= 90):
            raise UsageError(
                f"expected directions (azimuth, elevation) in degrees with elevations from -90 to 90, found "
                f"({azimuth_deg}, {elevation_deg})"
            )
        angles = (math.radians(angle) for angle in (azimuth_deg, elevation_deg, fov_deg, fov_deg))
        views.append(fixed_view(sphere.View(*angles), settings.switches))
    return views
