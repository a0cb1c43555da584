"""Write IAMF files by hand (PCM substreams), and with ffmpeg's muxer, independently of the parser that reads them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yt360.media import ffmpeg

_FRAME = 1024


def leb128(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = b""
    while True:
        value, low = value >> 7, value & 0x7F
        out += bytes([low | (0x80 if value else 0)])
        if not value:
            return out


def obu(kind: int, content: bytes) -> bytes:
    """One unit without trimming or extension."""
    return bytes([kind << 3]) + leb128(len(content)) + content


def ambisonics_mono(mapping: Sequence[int], substreams: int) -> bytes:
    """Each component is one substream; 255 is none."""
    return leb128(0) + bytes([len(mapping), substreams, *mapping])


def ambisonics_projection(matrix: NDArray[np.float64], coupled: int) -> bytes:
    """``matrix`` ``(components, channels)``, stored column by column in 1.15 fixed point."""
    components, columns = matrix.shape
    numbers = np.round(matrix.T * 32768).clip(-32768, 32767).astype(">i2").tobytes()
    return leb128(1) + bytes([components, columns - coupled, coupled]) + numbers


def loudspeakers(layout: int, substreams: int, coupled: int) -> bytes:
    """One layer."""
    return bytes([1 << 5, layout << 4, substreams, coupled])


def audio_element(number: int, kind: int, substreams: Sequence[int], config: bytes) -> bytes:
    """``kind`` 0 is loudspeakers, 1 ambisonics."""
    ids = b"".join(leb128(k) for k in substreams)
    return obu(1, leb128(number) + bytes([kind << 5]) + leb128(0) + leb128(len(substreams)) + ids + leb128(0) + config)


def descriptors(rate_hz: int, elements: Sequence[bytes]) -> bytes:
    """Sequence header, PCM of 16 bits, elements, and a mix of the first one."""
    pcm = struct.pack(">BBI", 1, 16, rate_hz)
    codec = leb128(0) + b"ipcm" + leb128(_FRAME) + struct.pack(">h", 0) + pcm
    gain = leb128(100) + leb128(rate_hz) + b"\x80" + struct.pack(">h", 0)
    mix = leb128(9) + leb128(0) + leb128(1) + leb128(1) + leb128(1) + b"\x00" + leb128(0) + gain + gain
    mix += leb128(1) + bytes([2 << 6]) + b"\x00" + struct.pack(">hh", 0, 0)
    return obu(31, b"iamf\x00\x00") + obu(0, codec) + b"".join(elements) + obu(2, mix)


def write_iamf(path: Path, rate_hz: int, elements: Sequence[bytes], substreams: Sequence[NDArray[np.float64]]) -> Path:
    """Substreams ``(1 or 2, n)`` with ids from 0 on."""
    frames = max(part.shape[1] for part in substreams) // _FRAME
    data = descriptors(rate_hz, elements)
    for k in range(frames):
        data += obu(4, b"")
        for number, part in enumerate(substreams):
            piece = np.round(part[:, k * _FRAME : (k + 1) * _FRAME].T * 32767).astype("<i2").tobytes()
            data += obu(6 + number, piece) if number < 18 else obu(5, leb128(number) + piece)
    path.write_bytes(data)
    return path


def mux_iamf(
    path: Path, foa: NDArray[np.float64], rate_hz: int, *, codec: str = "libopus", video: Path | None = None
) -> Path:
    """W Y Z X as four mono substreams, written by ffmpeg into ``.iamf`` or MP4."""
    raw = path.with_suffix(".samples")
    raw.write_bytes(np.ascontiguousarray(foa.T.astype("<f4")).tobytes())
    split = ";".join(f"[0:a]pan=mono|c0=c{k}[c{k}]" for k in range(4))
    maps = [word for k in range(4) for word in ("-map", f"[c{k}]")]
    element = "type=iamf_audio_element:id=1:st=0:st=1:st=2:st=3:audio_element_type=scene,"
    element += r"layer=ch_layout=ambisonic\ 1:ambisonics_mode=mono,"
    mix = "type=iamf_mix_presentation:id=3:stg=0:annotations=en-us=x,submix=parameter_id=100:parameter_rate=48000:"
    mix += "default_mix_gain=0.0|element=stg=0:parameter_id=100:parameter_rate=48000:default_mix_gain=0.0:"
    mix += "headphones_rendering_mode=binaural:annotations=en-us=x|layout=layout_type=loudspeakers:sound_system=stereo:"
    mix += "integrated_loudness=0.0"
    inputs = ["-f", "f32le", "-ar", str(rate_hz), "-ch_layout", "4 channels", "-i", str(raw)]
    if video is not None:
        inputs, maps = [*inputs, "-i", str(video)], [*maps, "-map", "1:v", "-c:v", "copy"]
    ids = [word for k in range(4) for word in ("-streamid", f"{k}:{k}")]
    rate = ["-b:a", "120k"] if codec == "libopus" else []
    arguments = ["-y", *inputs, "-filter_complex", split, *maps, "-c:a", codec, *rate, "-stream_group", element]
    ffmpeg.run([*arguments, "-stream_group", mix, *ids, "-strict", "unofficial", str(path)], timeout_s=60)
    raw.unlink()
    return path
