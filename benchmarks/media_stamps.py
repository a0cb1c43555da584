"""Files whose time stamps are known: picture and sound of one clock, with gaps, overlaps, drifts and late starts.

libav encodes and muxes (PyAV); what each stamp means is written down while the packets are handed over, so that a
reader is held against what was put into the file and not against another reader. Every frame of the picture shows its
number, the sound is noise of which any fifth of a second is unlike any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from yt360.media import ffmpeg

FPS = 25
WIDTH, HEIGHT = 128, 64
_BITS = 8
_WARM_S = 0.09
"""After a hole a decoder needs history until its output is right (Opus 80 ms, RFC 7845)."""

_PICTURE_OPTIONS = {"libx264": {"crf": "10", "x264-params": "scenecut=0"}, "mpeg4": {"sc_threshold": "1000000000"}}

Piece = tuple[float, float, float]
"""From where to where something is on the clock of the file, and which second of the source begins there."""


@dataclass(frozen=True)
class Fault:
    """What happens to a stream of packets.

    ``lost`` are stretches of the source (seconds) whose packets are left out, ``damaged`` those whose bytes are others;
    from ``jumps`` (second of the source, seconds) on stamps are moved; ``late_s`` moves the sound, ``clock_s`` both.
    ``drift`` stretches the stamps of the sound (1e-4: 100 ppm). ``holes`` are stretches without picture, ``uneven``
    makes its frames last 1 to 3 times as long.
    """

    lost: Sequence[tuple[float, float]] = ()
    damaged: Sequence[tuple[float, float]] = ()
    jumps: Sequence[tuple[float, float]] = ()
    late_s: float = 0.0
    clock_s: float = 0.0
    drift: float = 0.0
    holes: Sequence[tuple[float, float]] = ()
    uneven: bool = False


FAULTS = {
    "whole": Fault(),
    "one packet": Fault(lost=[(2.0, 2.001)]),
    "a gap": Fault(lost=[(2.0, 2.3)]),
    "three gaps": Fault(lost=[(1.3, 1.51), (2.6, 2.9), (3.8, 3.84)]),
    "one each second": Fault(lost=[(k + 0.5, k + 0.501) for k in range(6)]),
    "DTX": Fault(lost=[(1.0, 1.36), (2.2, 2.56), (3.9, 4.26)]),
    "damaged": Fault(damaged=[(2.0, 2.3)]),
    "overlap": Fault(jumps=[(2.5, -0.07)]),
    "jump": Fault(jumps=[(2.5, 0.5)]),
    "late sound": Fault(late_s=0.7),
    "early sound": Fault(late_s=-0.1),
    "clock at 100 s": Fault(clock_s=100.0),
    "clock before 0": Fault(clock_s=-0.5),
    "drift of 500 ppm": Fault(drift=5e-4),
    "drift of -500 ppm": Fault(drift=-5e-4),
    "no picture for 2 s": Fault(holes=[(2.0, 4.0)]),
    "uneven picture": Fault(uneven=True, lost=[(3.0, 3.2)]),
}


@dataclass
class Stamped:
    """A file and what its stamps mean: ``pieces`` of sound; (stamp, number) of each picture; silent ``holes``.

    All are in seconds on a clock that starts where the source does. ``warm_s`` is how long after a
    hole a decoder is not yet right; ``drift`` is how much longer than the source its seconds are, ``clock_s`` the first
    stamp of the picture.
    """

    path: Path
    pieces: list[Piece] = field(default_factory=list)
    pictures: list[tuple[float, int]] = field(default_factory=list)
    holes: list[tuple[float, float]] = field(default_factory=list)
    warm_s: float = _WARM_S
    drift: float = 0.0
    clock_s: float = 0.0


def noise(seconds: float, rate_hz: int, channels: int = 4) -> NDArray[np.float32]:
    """Noise below 3 kHz ``(channels, n)``."""
    white = 0.1 * np.random.default_rng(1).standard_normal((channels, round(rate_hz * seconds)))
    return np.asarray(sosfiltfilt(butter(4, 3000 / (rate_hz / 2), output="sos"), white, axis=1), np.float32)


def numbered(number: int) -> NDArray[np.uint8]:
    """A picture ``(HEIGHT, WIDTH, 3)`` that shows a number as columns, black or white."""
    bits = [(number >> k) & 1 for k in range(_BITS)]
    return np.repeat(
        np.repeat(np.array(bits, np.uint8)[None, :, None] * 200 + 25, HEIGHT, 0), WIDTH // _BITS, 1
    ).repeat(3, 2)


def number_of(picture: NDArray[np.uint8]) -> int:
    """Which number a gray picture of any size shows."""
    columns = np.array_split(picture.astype(np.float64).mean(axis=0), _BITS)
    return sum(int(np.median(column) > 125) << k for k, column in enumerate(columns))


@dataclass(frozen=True)
class Codec:
    """How to encode four channels: libav's encoder, layout and options; ``ffmpeg`` where PyAV has no encoder."""

    encoder: str
    layout: str = "4.0"
    sample_format: str = "fltp"
    options: tuple[tuple[str, str], ...] = ()
    rates_hz: tuple[int, ...] = (48_000, 24_000)
    lossless: bool = False
    frame: int = 1024


CODECS = {
    "opus": Codec("libopus", "quad", "flt", (("b", "384k"),)),
    "vorbis": Codec("", "quad"),
    "aac": Codec("aac", options=(("b", "384k"),)),
    "mp3": Codec("libmp3lame", "stereo", options=(("b", "256k"),)),
    "ac3": Codec("ac3", options=(("b", "448k"),), rates_hz=(48_000,)),
    "eac3": Codec("eac3", options=(("b", "448k"),), rates_hz=(48_000,)),
    "flac": Codec("flac", "quad", "s16", lossless=True),
    "alac": Codec("alac", "4.0", "s16p", lossless=True),
    "pcm": Codec("pcm_s16le", "quad", "s16", lossless=True),
    "float": Codec("pcm_f32le", "quad", "flt", lossless=True),
    "big": Codec("pcm_s24be", "quad", "s32", lossless=True),
    "wavpack": Codec("wavpack", "quad", "fltp", lossless=True),
}


def _packets_of_sound(sound: NDArray[np.float32], rate_hz: int, stream: Any, codec: Codec) -> list[Any]:
    """All packets that an encoder makes."""
    size = codec.frame if codec.lossless and codec.encoder.startswith("pcm") else 1024
    packets = []
    channels = len(av.AudioLayout(codec.layout).channels)
    used = sound[:channels]
    for at in range(0, used.shape[1], size):
        part = used[:, at : at + size]
        frame = AudioFrame.from_ndarray(_samples(part, codec.sample_format), codec.sample_format, codec.layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, at, Fraction(1, rate_hz)
        packets += stream.encode(frame)
    return [packet for packet in [*packets, *stream.encode(None)] if packet.size]


def _samples(part: NDArray[np.float32], sample_format: str) -> NDArray[Any]:
    kind = sample_format.rstrip("p")
    scale = {"flt": 1.0, "s16": 2.0**15, "s32": 2.0**31}[kind]
    data = (part * scale).astype({"flt": np.float32, "s16": np.int16, "s32": np.int32}[kind])
    return np.ascontiguousarray(data) if sample_format.endswith("p") else np.ascontiguousarray(data.T).reshape(1, -1)


def _inside(at: float, length: float, spans: Sequence[tuple[float, float]]) -> bool:
    return any(at + length > begin + 1e-6 and at < end - 1e-6 for begin, end in spans)


def _stamp(at: float, fault: Fault) -> float:
    moved = sum(by for since, by in fault.jumps if at >= since - 1e-9)
    return at * (1 + fault.drift) + moved + fault.late_s + fault.clock_s


def build(
    path: Path, codec_name: str, fault: Fault, *, rate_hz: int = 48_000, seconds: float = 6.0,
    video: str | None = "mpeg4", container: str | None = None, options: dict[str, str] | None = None,
) -> Stamped:  # fmt: skip
    """Write a file with a fault; ``video`` is libav's encoder of the picture, None for sound alone."""
    codec = CODECS[codec_name]
    sound = noise(seconds, rate_hz)
    result = Stamped(path, warm_s=0.0 if codec.lossless else _WARM_S, drift=fault.drift, clock_s=fault.clock_s)
    rng = np.random.default_rng(3)
    if path.suffix == ".ogg":  # only the end of a page has a time: each packet gets one
        options = {"page_duration": "1", **(options or {})}
    with av.open(str(path), "w", format=container, options=options or {}) as out:
        picture: Any = out.add_stream(video, rate=FPS) if video else None
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            picture.codec_context.gop_size = FPS
            picture.codec_context.options = _PICTURE_OPTIONS.get(str(video), {})
            picture.codec_context.bit_rate = 2_000_000
        source, heard = None, None  # type: Any, Any
        if codec.encoder:
            heard = out.add_stream(codec.encoder, rate=rate_hz, layout=codec.layout)
            heard.codec_context.format = codec.sample_format
            heard.codec_context.options = {**dict(codec.options), "strict": "-2"}
            packets = _packets_of_sound(sound, rate_hz, heard, codec)
        else:
            source, packets = _vorbis(path.with_suffix(".whole.ogg"), sound, rate_hz)
            heard = out.add_stream_from_template(source.streams.audio[0])
        waiting = [*_picture_packets(picture, fault, seconds, result, rng)] if picture is not None else []
        waiting += _sound_packets(packets, heard, fault, rate_hz, result, rng)
        for packet in sorted(waiting, key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)
        if source is not None:
            source.close()
    _close_pieces(result, silent=not fault.damaged)
    return result


def _vorbis(path: Path, sound: NDArray[np.float32], rate_hz: int) -> tuple[Any, list[Any]]:
    raw = path.with_suffix(".f32")
    raw.write_bytes(np.ascontiguousarray(sound.T).tobytes())
    ffmpeg.run(["-y", "-f", "f32le", "-ar", str(rate_hz), "-ch_layout", "quad", "-i", str(raw), "-c:a", "libvorbis",
                "-q:a", "6", str(path)], timeout_s=60)  # fmt: skip
    source = av.open(str(path))
    return source, [packet for packet in source.demux(audio=0) if packet.size]


def _picture_packets(stream: Any, fault: Fault, seconds: float, result: Stamped, rng: Any) -> list[Any]:
    frames, at, number = [], 0, 0
    while at < seconds * FPS:
        frames.append((at, number))
        at += int(rng.integers(1, 4)) if fault.uneven else 1
        number += 1
    packets = []
    for tick, shown in frames:
        frame = VideoFrame.from_ndarray(numbered(shown), "rgb24")
        frame.pts, frame.time_base = tick, Fraction(1, FPS)
        packets += stream.encode(frame)
    packets += stream.encode(None)
    base = Fraction(1, 90_000)
    # A hole ends with a key frame: what refers to lost pictures shows none of them.
    kept, lost = [], False
    for packet in packets:
        at_s = float(packet.pts * packet.time_base)
        lost = _inside(at_s, 1e-3, fault.holes) or (lost and not packet.is_keyframe)
        if not lost:
            packet.pts = round((float(packet.pts * packet.time_base) + fault.clock_s) / base)
            packet.dts = round((float(packet.dts * packet.time_base) + fault.clock_s) / base)
            packet.duration = round((packet.duration or 0) * packet.time_base / base)
            packet.time_base = base
            kept.append(packet)
            result.pictures.append((at_s, round(at_s * FPS)))
    numbers = dict(frames)
    result.pictures = sorted((at_s, numbers[tick]) for at_s, tick in result.pictures)
    return kept


def _sound_packets(packets: list[Any], stream: Any, fault: Fault, rate_hz: int, result: Stamped, rng: Any) -> list[Any]:
    kept: list[Any] = []
    lost = 0.0
    # Here the first packet begins with the clock, whatever an encoder put in front.
    unmarked = result.path.suffix in (".avi", ".aac", ".ac3")
    priming_s = -float(packets[0].pts * packets[0].time_base) if unmarked else 0.0
    for packet in packets:
        at, length = float(packet.pts * packet.time_base), float((packet.duration or 0) * packet.time_base)
        if _inside(at, length, fault.lost):
            lost += length
            continue
        # What a page of Ogg holds follows what the one before it held: a jump of its end is seen behind it.
        early, lost = lost if result.path.suffix == ".ogg" else 0.0, 0.0
        if _inside(at, length, fault.damaged):
            broken = av.Packet(rng.integers(0, 256, packet.size).astype(np.uint8).tobytes())
            broken.pts, broken.dts, broken.duration = packet.pts, packet.dts, packet.duration
            broken.time_base = packet.time_base
            packet, sounds = broken, False
        else:
            sounds = True
        stamp = _stamp(at, fault)
        moved = round((stamp - at) / packet.time_base)
        packet.pts, packet.dts = packet.pts + moved, packet.pts + moved
        packet.stream = stream
        kept.append(packet)
        begin = max(at, 0.0)
        if sounds and at + length > 0:
            shift = _stamp(at, fault) - fault.clock_s - at + priming_s - early
            result.pieces.append((begin + shift, at + length + shift, begin))
    return kept


def _close_pieces(result: Stamped, *, silent: bool) -> None:
    """Join pieces that follow one another; where they overlap what came first stays."""
    joined: list[Piece] = []
    for begin, end, source in sorted(result.pieces, key=lambda piece: piece[2]):
        if joined and abs(begin - joined[-1][1]) < 2e-3:
            joined[-1] = (joined[-1][0], end, joined[-1][2])
            continue
        if joined and begin < joined[-1][1]:
            source, begin = source + joined[-1][1] - begin, joined[-1][1]
        if joined and silent:
            result.holes.append((joined[-1][1], begin))
        joined.append((begin, end, source))
    result.pieces = joined
