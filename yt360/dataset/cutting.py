"""Cuts views out of a clip: the one place that turns windows and directions into pictures and sound.

Training, evaluation, :meth:`yt360.dataset.clip.Clip.view` and :class:`yt360.dataset.clip_dataset.ClipDataset` all
call :func:`cut`, so a model is measured on what it was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics
from yt360.dataset.colour_jitter import UNCHANGED, ColourChange, draw_change, recolour
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
    views: Sequence[DrawnView],
    *,
    samples: int,
    size: int,
    switches: PublishedBehaviour | None = None,
    changes: Sequence[ColourChange] | None = None,
    panoramas: bool = False,
    sound: NDArray[np.float32] | None = None,
    room: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None,
) -> CutViews:
    """Cut ``views`` out of one moment of a clip, or each out of a moment of its own.

    ``samples`` of sound for each moment; pictures of ``size`` x ``size`` pixels. ``switches`` say how the sound is
    turned (default: correctly); ``changes`` of each view's colours, if any. ``panoramas``: whether the whole frames are
    wanted as well. ``sound`` where it is decoded already; ``room``: memory for ``pictures`` and ``sound``.

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
    pictures, heard = room or (None, None)
    sound = _heard(decoder, moments, samples, sound, heard)
    every = sorted({frame for moment in moments for frame in moment.frames})
    wanted = [moments[number if len(moments) > 1 else 0].frames for number in range(len(views))]
    if pictures is None:
        pictures = np.empty((len(views), len(wanted[0]), size, size, 3), np.uint8)
    maps = zip(*picture_maps(views, size, (decoder.clip.height, decoder.clip.width)), strict=True)
    crops_of: dict[int, list[tuple[NDArray[np.uint8], tuple[NDArray[np.float32], NDArray[np.float32]]]]] = {
        n: [] for n in every
    }
    for crops, shown, places in zip(pictures, wanted, maps, strict=True):
        for crop, index in zip(crops, shown, strict=True):
            crops_of[index].append((crop, places))
    whole, cropped = [], np.empty((size, size, 4), np.uint8)
    for index, frame in zip(every, decoder.each_frame(every), strict=True):
        for crop, places in crops_of[index]:
            crop_into(crop, frame, places, cropped)
        if panoramas:
            whole.append(frame[PAD:-PAD, PAD:-PAD, :3].copy())
    if changes is not None:
        for crops, change in zip(pictures, changes, strict=True):
            recolour(crops, change, crops)
    return CutViews(
        views=tuple(views),
        moments=tuple(moments),
        pictures=pictures,
        sound=sound,
        **_numbers(views, switches),
        panoramas=np.stack(whole) if panoramas else None,
    )


def _heard(
    decoder: ClipDecoder,
    moments: Sequence[Moment],
    samples: int,
    decoded: NDArray[np.float32] | None,
    room: NDArray[np.float32] | None,
) -> NDArray[np.float32]:
    if decoded is None:
        return decoder.sound([moment.sound_start for moment in moments], samples, room)
    if room is None:
        return decoded
    room[:] = decoded
    return room


@dataclass(frozen=True)
class Drawn:
    """All that is random about a sample: its moments, views, and how the colours of each change (None: not at all).

    ``sound`` (moments, 4, samples) where it had to be decoded because views are drawn by it.
    """

    moments: tuple[Moment, ...]
    views: tuple[DrawnView, ...]
    changes: tuple[ColourChange, ...] | None
    sound: NDArray[np.float32] | None = None


def draw(rng: np.random.Generator, decoder: ClipDecoder, settings: SampleSettings, *, augment: bool) -> Drawn:
    """Random views of a random moment as a model is trained on; ``augment``: flips, gains and colours as well.

    Nothing is decoded unless views are drawn by the sound. Raises :class:`yt360.errors.ItemError` as :func:`cut` does.

    >>> settings = SampleSettings(view_count=2, data=DataSettings(picture_s=0.25))
    >>> drawn = draw(np.random.default_rng(0), ClipDecoder(MemberReader(root), row), settings, augment=True)
    >>> len(drawn.moments), len(drawn.views), len(drawn.changes)
    (1, 2, 2)
    """
    moments = draw_moments(rng, decoder.clip, settings.data, settings.view_count if settings.several_moments else 1)
    sound = loudest = None
    if settings.views.energy_share > 0:
        samples = sound_samples(settings.data, decoder.clip.sample_rate_hz)
        sound = decoder.sound([moment.sound_start for moment in moments], samples)
        heard = ambisonics.sound_direction(np.concatenate(list(sound), axis=-1))
        loudest = (heard.azimuth, heard.elevation)
    count = 1 if settings.several_moments else settings.view_count
    views = draw_views(rng, count, settings.views, settings.behaviour, augment=augment, loudest=loudest)
    views *= settings.view_count // count
    changes = tuple(draw_change(rng, settings.views.jitter) for _ in views) if augment else None
    return Drawn(tuple(moments), tuple(views), changes, sound)


def cut_drawn(
    drawn: Drawn,
    decoder: ClipDecoder,
    settings: SampleSettings,
    room: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None,
) -> CutViews:
    """The sample that was drawn. ``room`` and errors as in :func:`cut`.

    >>> settings, decoder = SampleSettings(view_count=2), ClipDecoder(MemberReader(root), row)
    >>> cut_drawn(draw(np.random.default_rng(0), decoder, settings, augment=True), decoder, settings).pictures.shape
    (2, 8, 112, 112, 3)
    """
    return cut(
        decoder,
        drawn.moments,
        drawn.views,
        samples=sound_samples(settings.data, decoder.clip.sample_rate_hz),
        size=settings.views.size,
        switches=settings.behaviour,
        changes=drawn.changes,
        sound=drawn.sound,
        room=room,
    )


def draw_sample(rng: np.random.Generator, decoder: ClipDecoder, settings: SampleSettings, *, augment: bool) -> CutViews:
    """What :func:`draw` draws, cut: equal random numbers give equal bytes. Raises as :func:`cut` does.

    >>> settings = SampleSettings(view_count=2, data=DataSettings(picture_s=0.25))
    >>> sample = draw_sample(np.random.default_rng(0), ClipDecoder(MemberReader(root), row), settings, augment=True)
    >>> sample.pictures.shape, sample.sound.shape
    ((2, 4, 112, 112, 3), (1, 4, 24000))
    """
    return cut_drawn(draw(rng, decoder, settings, augment=augment), decoder, settings)


def cut_numbers(drawn: Drawn, settings: SampleSettings) -> dict[str, NDArray[np.float32]]:
    """What :class:`CutViews` holds for a network besides ``pictures`` and ``sound``, by name.

    >>> drawn = draw(np.random.default_rng(0), ClipDecoder(MemberReader(root), row), SampleSettings(), augment=True)
    >>> {name: array.shape for name, array in cut_numbers(drawn, SampleSettings()).items()}
    {'matrices': (4, 4, 4), 'directions': (4, 3)}
    """
    return _numbers(drawn.views, settings.behaviour)


def uncut_numbers(drawn: Drawn, settings: SampleSettings) -> dict[str, NDArray[Any]]:
    """What a device needs to cut drawn views out of :func:`whole_frames`, and besides what :func:`cut_numbers` gives.

    ``rays`` (views, 3, 3) float32, see :func:`yt360.dataset.perspective_crop.view_rays`; ``flips`` (views,) bool;
    ``colours`` (views, 4) float32, see :meth:`yt360.dataset.colour_jitter.ColourChange.numbers`.

    >>> drawn = draw(np.random.default_rng(0), ClipDecoder(MemberReader(root), row), SampleSettings(), augment=True)
    >>> {name: array.shape for name, array in uncut_numbers(drawn, SampleSettings()).items()}
    {'rays': (4, 3, 3), 'flips': (4,), 'colours': (4, 4), 'matrices': (4, 4, 4), 'directions': (4, 3)}
    """
    views = drawn.views
    changes = drawn.changes or [UNCHANGED] * len(views)
    return {
        "rays": view_rays(views),
        "flips": np.array([view.flip for view in views]),
        "colours": np.array([change.numbers() for change in changes], np.float32),
        **_numbers(views, settings.behaviour),
    }


def whole_frames(
    drawn: Drawn,
    decoder: ClipDecoder,
    settings: SampleSettings,
    room: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Frames that views were drawn of, for :mod:`yt360.training.device_views` to cut: ``planes`` (moments, frames,
    3 H / 2, W) uint8, see :func:`yt360.dataset.decoding.decode_planes`, and ``sound`` (moments, 4, samples); in
    ``room`` where it is given. Raises as :func:`cut` does.

    >>> settings, decoder = SampleSettings(view_count=2), ClipDecoder(MemberReader(root), row)
    >>> drawn = draw(np.random.default_rng(0), decoder, settings, augment=True)
    >>> [array.shape for array in whole_frames(drawn, decoder, settings)]
    [(1, 8, 96, 128), (1, 4, 24000)]
    """
    planes, heard = room or (None, None)
    samples = sound_samples(settings.data, decoder.clip.sample_rate_hz)
    return _planes(decoder, drawn.moments, planes), _heard(decoder, drawn.moments, samples, drawn.sound, heard)


def _planes(decoder: ClipDecoder, moments: Sequence[Moment], room: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    every = sorted({frame for moment in moments for frame in moment.frames})
    if len(moments) == 1 and len(moments[0].frames) == len(every):
        return decoder.planes(every, None if room is None else room[0])[None]
    decoded = decoder.planes(every)
    return np.stack([decoded[np.searchsorted(every, moment.frames)] for moment in moments], out=room)


def _numbers(views: Sequence[DrawnView], switches: PublishedBehaviour) -> dict[str, NDArray[np.float32]]:
    return {
        "matrices": sound_matrices(views, switches),
        "directions": np.array([view.view.rotation[0] for view in views], np.float32),
    }


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
    drawn = draw(rng, decoder, settings, augment=augment)
    return list(drawn.moments), list(drawn.views)


def sound_samples(data: DataSettings, sample_rate_hz: int) -> int:
    """Samples of a moment's sound.

    >>> sound_samples(DataSettings(sound_s=1.5), 24000)
    36000
    """
    return round(data.sound_s * sample_rate_hz)
