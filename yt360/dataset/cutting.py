"""Cuts views out of a clip: the one place that turns windows and directions into pictures and sound.

Training, evaluation, :meth:`yt360.dataset.clip.Clip.view` and :class:`yt360.dataset.clip_dataset.ClipDataset` all
call :func:`cut`, so a model is measured on what it was trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics
from yt360.dataset.colour_jitter import UNCHANGED, draw_change, jitter
from yt360.dataset.decoding import ClipDecoder
from yt360.dataset.draws import uniform
from yt360.dataset.manifest import ClipRow
from yt360.dataset.perspective_crop import PAD, DrawnView, crop_into, picture_maps, view_rays
from yt360.dataset.settings import DataSettings, PublishedBehaviour, SampleSettings
from yt360.dataset.views import draw_views, sound_matrices


@dataclass(frozen=True)
class Moment:
    """A stretch of a clip: its sound begins at sample ``sound_start``; ``frames`` are the numbers of its pictures."""

    sound_start: int
    frames: tuple[int, ...]


@dataclass(frozen=True)
class CutViews:
    """Views of a clip.

    ``pictures`` (views, frames, size, size, 3) uint8 RGB; ``sound`` (moments, 4, samples) float32 AmbiX, not turned,
    one moment for all views or one each; ``matrices`` (views, 4, 4) float32 turns the sound to each view (rotation,
    flip and gain in one); ``directions`` (views, 3) float32 unit vectors; ``panoramas`` (n, H, W, 3) uint8: the whole
    frames that the views were cut out of, each once, if they were asked for.
    """

    views: tuple[DrawnView, ...]
    moments: tuple[Moment, ...]
    pictures: NDArray[np.uint8]
    sound: NDArray[np.float32]
    matrices: NDArray[np.float32]
    directions: NDArray[np.float32]
    panoramas: NDArray[np.uint8] | None = None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a network is fed: ``pictures``, ``sound``, ``matrices`` and ``directions`` by name."""
        return {name: getattr(self, name) for name in ("pictures", "sound", "matrices", "directions")}


def draw_moments(rng: np.random.Generator, clip: ClipRow, data: DataSettings, count: int) -> list[Moment]:
    """``count`` moments, one in each equal part of the clip.

    The sound starts anywhere in its part, the picture anywhere inside the sound, as in the
    published loader. Parts overlap where the clip is too short to hold a window in each.

    >>> draw_moments(np.random.default_rng(0), row, DataSettings(picture_s=0.25), 1)
    [Moment(sound_start=15287, frames=(13, 14, 15, 16))]
    """
    length = min(clip.frames / clip.fps, clip.samples / clip.sample_rate_hz)
    last = max(0.0, length - data.sound_s)
    moments = []
    for part in range(count):
        low = min(last, part * length / count)
        high = max(low, min(last, (part + 1) * length / count - data.sound_s))
        start_s = uniform(rng, low, high)
        picture_s = start_s + uniform(rng, 0, data.sound_s - data.picture_s)
        frames = frame_numbers(clip, picture_s, data.frames, data.frames_per_second)
        sound_start = min(int(start_s * clip.sample_rate_hz), clip.samples - round(data.sound_s * clip.sample_rate_hz))
        moments.append(Moment(max(0, sound_start), frames))
    return moments


def frame_numbers(clip: ClipRow, start_s: float, count: int, fps: float) -> tuple[int, ...]:
    """The frames of a clip nearest to ``count`` times from ``start_s`` on, ``fps`` a second; within the clip.

    >>> frame_numbers(row, 0.5, 4, 8.0)  # of a clip at 16 frames a second
    (8, 10, 12, 14)
    """
    nearest = (round((start_s + index / fps) * clip.fps) for index in range(count))
    return tuple(min(max(frame, 0), clip.frames - 1) for frame in nearest)


def cut(
    decoder: ClipDecoder,
    moments: Sequence[Moment],
    views: Sequence[DrawnView] | Callable[[NDArray[np.float32]], Sequence[DrawnView]],
    *,
    samples: int,
    size: int,
    switches: PublishedBehaviour | None = None,
    recolour: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None = None,
    panoramas: bool = False,
) -> CutViews:
    """Cut ``views`` out of one moment of a clip, or each out of a moment of its own.

    ``views`` may be chosen by the sound of the moments ``(moments, 4, samples)``. ``samples`` of sound for each
    moment; pictures of ``size`` x ``size`` pixels. ``switches`` say how the sound is turned (default: correctly);
    ``recolour`` changes the pictures ``(frames, size, size, 3)`` of each view, one after the other, or in place.
    ``panoramas``: whether the whole frames are wanted as well.

    Raises :class:`yt360.errors.ItemError` where the clip's files are not what the manifest says.

    Every task used to do this itself. Two of them seemed to differ: with ``flip_sound: false`` the segmentation task
    flips the sound all the same, because its labels are flipped as well (it says so in its ``switches``); and views
    that are not drawn (the localisation grid, pictures of the whole sphere) took over ``coverage: coded`` by hand
    (:func:`yt360.dataset.views.fixed_view` does so now). No number changes by being done here.

    >>> from yt360 import sphere
    >>> from yt360.dataset.views import fixed_view
    >>> ahead = fixed_view(sphere.View(0.0, 0.0, 1.5, 1.5))
    >>> decoder = ClipDecoder(MemberReader(root), row)
    >>> views = cut(decoder, [Moment(0, (0, 1))], [ahead], samples=24000, size=32)
    >>> views.pictures.shape, views.sound.shape, views.matrices.shape
    ((1, 2, 32, 32, 3), (1, 4, 24000), (1, 4, 4))
    """
    switches = switches or PublishedBehaviour()
    sound = decoder.sound([moment.sound_start for moment in moments], samples)
    chosen = tuple(views(sound) if callable(views) else views)
    every = sorted({frame for moment in moments for frame in moment.frames})
    maps = list(zip(*picture_maps(chosen, size, (decoder.clip.height, decoder.clip.width)), strict=True))
    wanted = [moments[number if len(moments) > 1 else 0].frames for number in range(len(chosen))]
    pictures = np.empty((len(chosen), len(wanted[0]), size, size, 3), np.uint8)
    whole = []
    for index, frame in zip(every, decoder.each_frame(every), strict=True):
        for crops, shown, places in zip(pictures, wanted, maps, strict=True):
            for slot in (slot for slot, each in enumerate(shown) if each == index):
                crop_into(crops[slot], frame, places)
        if panoramas:
            whole.append(frame[PAD:-PAD, PAD:-PAD].copy())
    if recolour:
        for crops in pictures:
            changed = recolour(crops)
            if changed is not crops:
                crops[:] = changed
    return CutViews(
        views=chosen,
        moments=tuple(moments),
        pictures=pictures,
        sound=sound,
        matrices=sound_matrices(chosen, switches),
        directions=np.array([view.view.rotation[0] for view in chosen], np.float32),
        panoramas=np.stack(whole) if panoramas else None,
    )


def draw_sample(rng: np.random.Generator, decoder: ClipDecoder, settings: SampleSettings, *, augment: bool) -> CutViews:
    """Random views of a random moment as a model is trained on; ``augment``: flips, gains and colours as well.

    Equal random numbers give equal bytes. Raises :class:`yt360.errors.ItemError` as :func:`cut` does.

    >>> settings = SampleSettings(view_count=2, data=DataSettings(picture_s=0.25))
    >>> sample = draw_sample(np.random.default_rng(0), ClipDecoder(MemberReader(root), row), settings, augment=True)
    >>> sample.pictures.shape, sample.sound.shape
    ((2, 4, 112, 112, 3), (1, 4, 24000))
    """
    moments = draw_moments(rng, decoder.clip, settings.data, _moments(settings))

    def choose(sound: NDArray[np.float32]) -> list[DrawnView]:
        return _choose_views(rng, settings, sound, augment=augment)

    def recolour(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return jitter(rng, crop, settings.views.jitter, out=crop)

    return cut(
        decoder,
        moments,
        choose,
        samples=sound_samples(settings.data, decoder.clip.sample_rate_hz),
        size=settings.views.size,
        switches=settings.behaviour,
        recolour=recolour if augment else None,
    )


@dataclass(frozen=True)
class UncutViews:
    """Views that are drawn and not cut yet: whole frames, and what a training device is to do with them.

    ``planes`` (moments, frames, 3 H / 2, W) uint8, see :func:`yt360.dataset.decoding.decode_planes`; ``rays`` (views,
    3, 3) float32, see :func:`yt360.dataset.perspective_crop.view_rays`; ``flips`` (views,) bool; ``colours`` (views, 8)
    float32, see :meth:`yt360.dataset.colour_jitter.ColourChange.numbers`; the others as in :class:`CutViews`.
    """

    planes: NDArray[np.uint8]
    rays: NDArray[np.float32]
    flips: NDArray[np.bool_]
    colours: NDArray[np.float32]
    sound: NDArray[np.float32]
    matrices: NDArray[np.float32]
    directions: NDArray[np.float32]


def draw_uncut(
    rng: np.random.Generator, decoder: ClipDecoder, settings: SampleSettings, *, augment: bool
) -> UncutViews:
    """What :func:`draw_sample` draws with equal random numbers, for :mod:`yt360.training.device_views` to cut.

    >>> settings = SampleSettings(view_count=2, data=DataSettings(picture_s=0.25))
    >>> uncut = draw_uncut(np.random.default_rng(0), ClipDecoder(MemberReader(root), row), settings, augment=True)
    >>> uncut.planes.shape, uncut.rays.shape, uncut.colours.shape
    ((1, 4, 96, 128), (2, 3, 3), (2, 8))
    """
    moments = draw_moments(rng, decoder.clip, settings.data, _moments(settings))
    samples = sound_samples(settings.data, decoder.clip.sample_rate_hz)
    sound = decoder.sound([moment.sound_start for moment in moments], samples)
    views = _choose_views(rng, settings, sound, augment=augment)
    changes = [draw_change(rng, settings.views.jitter) if augment else UNCHANGED for _ in views]
    every = sorted({frame for moment in moments for frame in moment.frames})
    decoded = decoder.planes(every)
    return UncutViews(
        planes=_by_moment(decoded, every, moments),
        rays=view_rays(views),
        flips=np.array([view.flip for view in views]),
        colours=np.stack([change.numbers() for change in changes]),
        sound=sound,
        matrices=sound_matrices(views, settings.behaviour),
        directions=np.array([view.view.rotation[0] for view in views], np.float32),
    )


def _by_moment(frames: NDArray[np.uint8], numbers: list[int], moments: Sequence[Moment]) -> NDArray[np.uint8]:
    """Frames of those ``numbers``, ``(n, …)``, as ``(moments, frames of each, …)``."""
    if len(moments) == 1 and len(moments[0].frames) == len(numbers):
        return frames[None]
    return np.stack([frames[np.searchsorted(numbers, moment.frames)] for moment in moments])


def draw_looks(
    rng: np.random.Generator, decoder: ClipDecoder, settings: SampleSettings, *, augment: bool
) -> tuple[list[Moment], list[DrawnView]]:
    """The moments and views that :func:`draw_sample` draws with equal random numbers, without the pictures.

    Sound is decoded only where views are drawn by it.

    >>> settings = SampleSettings(view_count=2, data=DataSettings(picture_s=0.25))
    >>> decoder = ClipDecoder(MemberReader(root), row)
    >>> moments, views = draw_looks(np.random.default_rng(0), decoder, settings, augment=True)
    >>> sample = draw_sample(np.random.default_rng(0), decoder, settings, augment=True)
    >>> tuple(moments) == sample.moments, tuple(views) == sample.views
    (True, True)
    """
    moments = draw_moments(rng, decoder.clip, settings.data, _moments(settings))
    sound = np.zeros((len(moments), 4, 1), np.float32)
    if settings.views.energy_share > 0:
        samples = sound_samples(settings.data, decoder.clip.sample_rate_hz)
        sound = decoder.sound([moment.sound_start for moment in moments], samples)
    return moments, _choose_views(rng, settings, sound, augment=augment)


def _moments(settings: SampleSettings) -> int:
    return settings.view_count if settings.several_moments else 1


def _choose_views(
    rng: np.random.Generator, settings: SampleSettings, sound: NDArray[np.float32], *, augment: bool
) -> list[DrawnView]:
    """The views of a sample whose moments sound like ``sound`` ``(moments, 4, samples)``."""
    loudest = None
    if settings.views.energy_share > 0:
        heard = ambisonics.sound_direction(np.concatenate(list(sound), axis=-1))
        loudest = (heard.azimuth, heard.elevation)
    drawn = 1 if settings.several_moments else settings.view_count
    views = draw_views(rng, drawn, settings.views, settings.behaviour, augment=augment, loudest=loudest)
    return views * (settings.view_count // drawn)


def sound_samples(data: DataSettings, sample_rate_hz: int) -> int:
    """Samples of a moment's sound.

    >>> sound_samples(DataSettings(sound_s=1.5), 24000)
    36000
    """
    return round(data.sound_s * sample_rate_hz)
