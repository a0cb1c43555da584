"""Further members of clips, made while their picture is decoded.

Which: :class:`yt360.stages.chunk_settings.VariantSettings`.

Each is an output of the clip by a name of its own: ``large.video``, ``large.foa``, ``stereo`` or ``binaural``,
``view0.video``, ``view0.foa``, ``view0.stereo`` …
"""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics, sphere
from yt360.media.clips import ClipVideoWriter, write_clip_sound, write_two_channels
from yt360.media.samples_on_disk import SamplesOnDisk
from yt360.media.two_channels import margin_samples, two_channels
from yt360.stages.chunk_settings import ChunkParams, VariantSettings

_FULL_SCALE = 0.999
_WIDEST = 8192
"""Pixels of the panorama that views are cut from, at most."""


class ClipVariants:
    """The variants of the clips of one video. ``sound`` is ``(samples, 4)`` AmbiX at ``params.variants_rate_hz``, from
    time 0 on; ``gain`` is that of the whole video, ``said`` the comments of its clips' sound.
    """

    def __init__(
        self, params: ChunkParams, sound: NDArray[np.float32] | SamplesOnDisk, gain: float, workdir: Path
    ) -> None:
        self._params, self._sound, self._gain, self._workdir = params, sound, gain, workdir
        settings: VariantSettings = params.variants
        self._settings = settings
        angles = (math.radians(settings.view_fov_deg), settings.view_width, settings.view_height)
        vertical = 2 * math.atan(math.tan(angles[0] / 2) * angles[2] / angles[1])
        elevation = math.radians(settings.view_elevation_deg)
        self._views = {
            f"view{number}": sphere.View(math.radians(azimuth_deg), elevation, angles[0], vertical)
            for number, azimuth_deg in enumerate(settings.view_azimuths_deg)
        }

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of the panorama that the variants' pictures are made of; ``None`` where there are none."""
        settings = self._settings
        widest = settings.width or 0
        if self._views:
            # As fine as the middle of a view.
            across = math.pi * settings.view_width / math.tan(math.radians(settings.view_fov_deg) / 2)
            widest = max(widest, min(_WIDEST, 4 * math.ceil(across / 4)))
        return (widest // 2, widest) if widest else None

    @contextlib.contextmanager
    def writer(self, clip: str) -> Iterator[PictureWriter]:
        """Writes the pictures of a clip, frame by frame."""
        settings, params = self._settings, self._params
        with contextlib.ExitStack() as stack:

            def opened(name: str, width: int, height: int, whole: bool) -> ClipVideoWriter:
                path = self._workdir / f"{clip}.{name}.video.mp4"
                coding: dict[str, Any] = {"gop": params.gop, "crf": params.crf, "preset": params.preset}
                return stack.enter_context(
                    ClipVideoWriter(path, width, height, params.fps, **coding, whole_sphere=whole)
                )

            large = opened("large", settings.width, settings.width // 2, True) if settings.width else None
            size = (settings.view_height, settings.view_width)
            views = [(view, opened(name, size[1], size[0], False)) for name, view in self._views.items()]
            yield PictureWriter(large, settings.width or 0, views, size)

    def discard(self, clip: str) -> None:
        """Remove the pictures of a clip that is left out."""
        for path in self._workdir.glob(f"{clip}.*.video.mp4"):
            if path.name != f"{clip}.video.mp4":
                path.unlink()

    def finish(
        self, clip: str, start_s: float, frames: int, said: Mapping[str, str]
    ) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
        """Write the sounds of a clip. Its further outputs, name -> file, and what each is.

        ``said`` are the comments of the clip's own sound.
        """
        settings, params = self._settings, self._params
        outputs: dict[str, str] = {}
        facts: dict[str, dict[str, Any]] = {}
        pictures = dict.fromkeys(self._views, (settings.view_width, settings.view_height))
        if settings.width:
            pictures = {"large": (settings.width, settings.width // 2), **pictures}
        for name, (width, height) in pictures.items():
            outputs[f"{name}.video"] = f"{clip}.{name}.video.mp4"
            size = {"width": width, "height": height, "fps": float(params.fps), "frames": frames}
            facts[f"{name}.video"] = size | self._view_facts(name)
        rate = params.variants_rate_hz
        begin, length = round(start_s * rate), frames * rate // params.fps
        margin = margin_samples(rate)
        first = max(0, begin - margin)
        foa = (self._sound[first : begin + length + margin] * np.float32(self._gain)).T
        facing = {"": foa} | {name: ambisonics.rotate_to_view(foa, view) for name, view in self._views.items()}
        for name, turned in facing.items():
            sounds = {}
            if name or settings.sample_rate_hz:
                sounds[f"{name or 'large'}.foa"] = turned
            if settings.two_channels != "none":
                kind = settings.two_channels
                sounds[f"{name}.{kind}" if name else kind] = two_channels(turned, kind, rate)
            for output, channels in sounds.items():
                outputs[output] = f"{clip}.{output}.flac"
                part = channels[:, begin - first : begin - first + length]
                facts[output] = self._write(outputs[output], part, said, self._view_facts(name))
        return outputs, facts

    def _view_facts(self, name: str) -> dict[str, float]:
        if name not in self._views:
            return {}
        settings = self._settings
        azimuth_deg = settings.view_azimuths_deg[list(self._views).index(name)]
        return {
            "azimuth_deg": azimuth_deg,
            "elevation_deg": settings.view_elevation_deg,
            "fov_deg": settings.view_fov_deg,
        }

    def _write(
        self, file: str, channels: NDArray[np.float32], said: Mapping[str, str], view: Mapping[str, float]
    ) -> dict[str, Any]:
        peak = float(np.abs(channels).max(initial=0.0))
        own = min(1.0, _FULL_SCALE / peak) if peak > _FULL_SCALE else 1.0  # what is turned may be higher than what came
        gain_db = round(20 * math.log10(self._gain * own), 4)
        comments = {**said, "GAIN_DB": f"{gain_db:.4f}"}
        comments |= {f"VIEW_{name.upper()}": f"{value:g}" for name, value in view.items()}
        rate, subtype = self._params.variants_rate_hz, self._params.subtype
        write = write_clip_sound if len(channels) == 4 else write_two_channels
        write(self._workdir / file, (channels * np.float32(own)).T, rate, subtype, comments)
        what = {"channels": len(channels), "samples": int(channels.shape[1]), "sample_rate_hz": rate}
        return {**what, "gain_db": gain_db, **view}


class PictureWriter:
    """Writes a panorama in the sizes and views that are wanted."""

    def __init__(
        self,
        large: ClipVideoWriter | None,
        large_width: int,
        views: list[tuple[sphere.View, ClipVideoWriter]],
        view_size: tuple[int, int],
    ) -> None:
        self._large, self._large_width, self._views, self._view_size = large, large_width, views, view_size

    def write(self, panorama: NDArray[np.uint8]) -> None:
        """Append one frame ``(H, W, 3)`` RGB of :attr:`ClipVariants.size`."""
        if self._large is not None:
            smaller = panorama
            if panorama.shape[1] != self._large_width:
                size = (self._large_width, self._large_width // 2)
                smaller = np.asarray(cv2.resize(panorama, size, interpolation=cv2.INTER_AREA), np.uint8)
            self._large.write(smaller)
        for view, out in self._views:
            out.write(sphere.crop(panorama, view, self._view_size))


class Beside:
    """Frames of two sizes: iterating gives the first, :meth:`at` the second of those that were given."""

    def __init__(self, frames: Iterator[tuple[NDArray[np.uint8], ...]]) -> None:
        self._frames = frames
        self._held: deque[NDArray[np.uint8]] = deque()
        self._first = 0

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        for one, other in self._frames:
            self._held.append(other)
            yield one

    def at(self, number: int) -> NDArray[np.uint8]:
        """The second size of a frame by its number, counted from 0; those before it are given back."""
        while self._first < number:
            self._held.popleft()
            self._first += 1
        return self._held[0]
