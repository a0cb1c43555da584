"""Plants defects: everything that the pipeline must find, repair or live with.

A :class:`Defect` changes a finished scene's frames, sound or file in one way, and says what the
pipeline is expected to do about it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics
from yt360.ambisonics import W, X, Y, Z
from yt360.synth import timbres
from yt360.synth.render import SAMPLE_RATE_HZ, Renderer

Frames = list[NDArray[np.uint8]]
Sound = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True)
class Defect:
    """One thing that can be wrong. Only what it touches is set.

    ``expected``: ``keep``, the reason for dropping, or the kind of failure. ``directions_hold``: whether
    the sound of a kept clip still comes from where the things are. ``stereo`` and ``filters`` describe
    how the picture is packed. ``longer`` multiplies the duration.
    """

    expected: str
    directions_hold: bool = True
    frames: Callable[[Renderer, Rng], Frames] | None = None
    sound: Callable[[Sound, Rng], Sound] | None = None
    head_locked: Callable[[Sound, Rng], Sound] | None = None
    file: Callable[[Path, Rng], None] | None = None
    filters: str = "null"
    stereo: str = "mono"
    delivery: str | None = None
    longer: float = 1.0
    silent_share: float = 0.0


def _rms(signal: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))


def _at_level(signal: NDArray[np.floating], reference: NDArray[np.floating], db: float) -> NDArray[np.floating]:
    """A signal scaled to ``db`` above the level of another."""
    return signal * (_rms(reference) / max(_rms(signal), 1e-9) * 10 ** (db / 20))


def _fit(sound: NDArray[np.floating]) -> Sound:
    """Peaks back below full scale, all channels alike."""
    peak = float(np.abs(sound).max())
    return (sound * min(1.0, 0.9 / max(peak, 1e-9))).astype(np.float32)


def _seconds(sound: NDArray[np.floating]) -> float:
    return float(sound.shape[-1] / SAMPLE_RATE_HZ)


# Pictures that do not move.


def still(renderer: Renderer, rng: Rng) -> Frames:
    """One frame for the whole time."""
    return [renderer.draw(0, grain=False)] * renderer.frames


def slideshow(renderer: Renderer, rng: Rng) -> Frames:
    """Four frames, each for a quarter of the time, turned so that they differ."""
    shown = [np.roll(renderer.draw(frame, grain=False), 97 * k, axis=1) for k, frame in enumerate(_quarters(renderer))]
    return [shown[min(3, 4 * frame // renderer.frames)] for frame in range(renderer.frames)]


def _quarters(renderer: Renderer) -> list[int]:
    return [k * (renderer.frames - 1) // 3 for k in range(4)]


def still_logo(renderer: Renderer, rng: Rng) -> Frames:
    """A still with a small logo that wanders."""
    picture = renderer.draw(0, grain=False)
    height, width = picture.shape[:2]
    side = max(6, height // 16)
    logo = np.full((side, side, 3), (250, 200, 20), np.uint8)
    logo[side // 4 : -side // 4, side // 4 : -side // 4] = (30, 30, 160)
    frames = []
    for frame in range(renderer.frames):
        shown = picture.copy()
        turn = 2 * np.pi * frame / 60
        top, left = round(height * (0.35 + 0.03 * np.sin(turn))), round(width * (0.7 + 0.03 * np.cos(turn)))
        shown[top : top + side, left : left + side] = logo
        frames.append(shown)
    return frames


def still_rotating(renderer: Renderer, rng: Rng) -> Frames:
    """A still that turns around: a fake camera move."""
    picture = renderer.draw(0, grain=False)
    return [np.roll(picture, 2 * frame, axis=1) for frame in range(renderer.frames)]


# Sound that was added afterwards.


def voiceover_w(sound: Sound, rng: Rng) -> Sound:
    """A narrator in W only: from everywhere and nowhere."""
    voice = timbres.speech(rng, _seconds(sound), SAMPLE_RATE_HZ)
    mixed = sound.astype(np.float64)
    mixed[W] += _at_level(voice, sound[W], 9.0)
    return _fit(mixed)


def voiceover_front(sound: Sound, rng: Rng) -> Sound:
    """A dry narrator panned exactly to the front."""
    voice = _at_level(timbres.speech(rng, _seconds(sound), SAMPLE_RATE_HZ), sound[W], 12.0)
    return _fit(sound + ambisonics.encode(voice, 0.0, 0.0))


def music_bed(sound: Sound, rng: Rng) -> Sound:
    """A stereo mix as two virtual loudspeakers at ±45° on the horizon."""
    left, right = timbres.music(rng, _seconds(sound), SAMPLE_RATE_HZ)
    gain = _rms(sound[W]) / _rms(left + right) * 10 ** (9 / 20)
    bed = ambisonics.encode(left * gain, np.pi / 4, 0.0) + ambisonics.encode(right * gain, -np.pi / 4, 0.0)
    return _fit(sound + bed)


def head_locked(sound: Sound, rng: Rng) -> Sound:
    """The head-locked pair ``(2, samples)``: a narrator over music."""
    left, right = timbres.music(rng, _seconds(sound), SAMPLE_RATE_HZ)
    voice = timbres.speech(rng, _seconds(sound), SAMPLE_RATE_HZ)
    return _fit(_at_level(np.stack([0.4 * left + voice, 0.4 * right + voice]), sound[W], 3.0))


# Channels that are not, or not yet, AmbiX.


def mono_w(sound: Sound, rng: Rng) -> Sound:
    """W alone; the other channels are silent."""
    return np.concatenate([sound[:1], np.zeros_like(sound[1:])])


def mono_x4(sound: Sound, rng: Rng) -> Sound:
    """One signal in all four channels."""
    return np.repeat(sound[:1], 4, axis=0)


def _stereo(sound: Sound) -> NDArray[np.float32]:
    return (np.stack([sound[W] + sound[Y], sound[W] - sound[Y]]) / 2).astype(np.float32)


def stereo_as_four(sound: Sound, rng: Rng) -> Sound:
    """Left and right, twice."""
    return _fit(np.tile(_stereo(sound), (2, 1)))


def stereo_only(sound: Sound, rng: Rng) -> Sound:
    """Two channels and no more."""
    return _fit(_stereo(sound))


def quad(sound: Sound, rng: Rng) -> Sound:
    """Four loudspeakers FL FR BL BR: a room microphone each, and stereo music panned between them."""
    left, right = timbres.music(rng, _seconds(sound), SAMPLE_RATE_HZ)
    level = _rms(sound[W])
    speakers = [ambisonics.beam(sound, azimuth, 0.0) for azimuth in np.radians([45, -45, 135, -135])]
    mix = np.stack(speakers).astype(np.float64)
    mix += np.stack([left, right, 0.5 * left, 0.5 * right]) * level / max(_rms(left), 1e-9)
    return _fit(mix)


def fuma_order(sound: Sound, rng: Rng) -> Sound:
    """FuMa: W X Y Z with W 3 dB down."""
    return ambisonics.from_ambix(sound, "fuma").astype(np.float32)


def wrong_order(sound: Sound, rng: Rng) -> Sound:
    """X Y W Z with Z 3 dB low: what a 5.1 to 4.0 mix makes of itag 327, and the paper's loader fed its network."""
    mixed = sound[[X, Y, W, Z]]
    mixed[3] *= np.float32(2**-0.5)
    return mixed


def silent_z(sound: Sound, rng: Rng) -> Sound:
    """No height channel: a horizontal recording."""
    flat = sound.copy()
    flat[Z] = 0
    return flat


def nan(sound: Sound, rng: Rng) -> Sound:
    """A stretch of samples that are not numbers."""
    broken = sound.copy()
    start = sound.shape[1] // 2
    broken[Y, start : start + 4800] = np.nan
    return broken


def clipping(sound: Sound, rng: Rng) -> Sound:
    """Recorded too loud: peaks at three times full scale, cut off."""
    clipped: Sound = np.clip(sound * (3 / max(float(np.abs(sound).max()), 1e-9)), -1, 1).astype(np.float32)
    return clipped


# Files.


def truncated(path: Path, rng: Rng) -> None:
    """Ends in the middle, as a download that broke off."""
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size * 2 // 5)


def corrupt(path: Path, rng: Rng) -> None:
    """Noise where the headers were."""
    with path.open("r+b") as stream:
        stream.write(rng.bytes(min(path.stat().st_size, 20_000)))


DEFECTS: dict[str, Defect] = {
    "still": Defect("still", frames=still),
    "slideshow": Defect("still", frames=slideshow),
    "still_logo": Defect("still", frames=still_logo),
    "still_rotating": Defect("still", frames=still_rotating),
    "voiceover_w": Defect("voice-over", sound=voiceover_w),
    "voiceover_front": Defect("voice-over", sound=voiceover_front),
    "music_bed": Defect("background-music", sound=music_bed),
    "head_locked": Defect("voice-over", head_locked=head_locked, delivery="opus"),
    "mono_w": Defect("invalid-ambisonics", sound=mono_w, delivery="opus"),
    "mono_x4": Defect("invalid-ambisonics", sound=mono_x4, delivery="vorbis"),
    "stereo_as_four": Defect("invalid-ambisonics", sound=stereo_as_four, delivery="opus"),
    "stereo_only": Defect("no-ambisonics", sound=stereo_only, delivery="opus"),
    "quad": Defect("invalid-ambisonics", sound=quad, delivery="vorbis"),
    "fuma_order": Defect("uncertain-ambisonics", sound=fuma_order, delivery="vorbis"),
    "wrong_order": Defect("uncertain-ambisonics", sound=wrong_order, delivery="opus"),
    "silent_z": Defect("keep", directions_hold=False, sound=silent_z),
    "nan": Defect("not-numbers", sound=nan, delivery="pcm"),
    "clipping": Defect("keep", directions_hold=False, sound=clipping, delivery="pcm"),
    "silence_parts": Defect("keep", longer=2.0, silent_share=0.45),
    "eac": Defect("keep", filters="v360=e:eac:w=672:h=448:interp=cubic"),
    "top_bottom": Defect("keep", filters="split[a][b];[b]scroll=hpos=0.004[c];[a][c]vstack", stereo="top-bottom"),
    "side_by_side": Defect("keep", filters="split[a][b];[b]scroll=hpos=0.004[c];[a][c]hstack", stereo="left-right"),
    "squeezed_16_9": Defect("keep", filters="scale=iw:iw*9/16:flags=area"),
    "flat": Defect("not-360", filters="v360=e:flat:h_fov=100:v_fov=67.7:w=448:h=252:interp=cubic"),
    "vr180": Defect("vr180", filters="crop=iw/2:ih:iw/4:0,split[a][b];[b]scroll=hpos=0.008[c];[a][c]hstack"),
    "truncated": Defect("truncated", file=truncated),
    "corrupt": Defect("not-media", file=corrupt),
}
"""Every defect by name."""
