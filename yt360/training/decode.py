"""Windows of a clip's picture and sound, out of the bytes of its members."""

from __future__ import annotations

import io
from collections.abc import Sequence

import av
import av.error
import numpy as np
import soundfile
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from yt360.errors import ItemError
from yt360.training.manifest import Clip

_REFORMATTER = VideoReformatter()


def decode_frames(data: bytes, clip: Clip, indices: Sequence[int], *, pad: int = 0) -> NDArray[np.uint8]:
    """Frames ``indices`` (rising, repeats allowed) of a clip's MP4, as ``(len(indices), H + 2 pad, W + 2 pad, 3)`` RGB.

    ``pad`` pixels around each frame are left for the caller to fill. Seeks to the key frame before
    the first index and decodes forward on one thread; frames that no other frame refers to are not
    decoded before the window.

    Raises :class:`ItemError` when the bytes do not decode, or hold other frames than the manifest says.
    """
    wanted = sorted(set(indices))
    found: dict[int, NDArray[np.uint8]] = {}
    picture = np.empty((len(indices), clip.height + 2 * pad, clip.width + 2 * pad, 3), np.uint8)
    try:
        with av.open(io.BytesIO(data), mode="r") as container:
            stream = container.streams.video[0]
            context = stream.codec_context
            if context is None:
                raise ItemError(
                    "corrupt-member", f"clip {clip.clip}: the picture's codec is not known; run yt360 verify"
                )
            context.thread_count = 1
            start = stream.start_time or 0
            ticks = 1 / (float(stream.time_base or 1) * clip.fps)
            first = start + round(wanted[0] * ticks)
            container.seek(first, stream=stream, backward=True)
            for packet in container.demux(stream):
                before = packet.pts is not None and packet.pts < first - ticks / 2
                context.skip_frame = "NONREF" if before else "DEFAULT"
                for frame in packet.decode():
                    index = round(((frame.pts or 0) - start) / ticks)
                    if index in wanted and index not in found:
                        if (frame.height, frame.width) != (clip.height, clip.width):
                            raise ItemError(
                                "corrupt-member",
                                f"clip {clip.clip}: a frame of {frame.width}x{frame.height}, the manifest says "
                                f"{clip.width}x{clip.height}; run yt360 verify",
                            )
                        found[index] = np.asarray(_REFORMATTER.reformat(frame, format="rgb24").to_ndarray(), np.uint8)
                if len(found) == len(wanted):
                    break
    except (av.error.FFmpegError, IndexError, TypeError, ValueError) as error:
        raise ItemError("corrupt-member", f"clip {clip.clip}: the picture does not decode ({error})") from error
    missing = [index for index in wanted if index not in found]
    if missing:
        raise ItemError(
            "corrupt-member",
            f"clip {clip.clip}: frame {missing[0]} is not in the picture, the manifest says {clip.frames} frames; "
            "run yt360 verify",
        )
    inside = slice(pad, -pad) if pad else slice(None)
    for slot, index in enumerate(indices):
        picture[slot, inside, inside] = found[index]
    return picture


def decode_sound(data: bytes, clip: Clip, start: int, samples: int) -> NDArray[np.float32]:
    """``samples`` of a clip's FLAC from sample ``start`` on, ``(4, samples)`` AmbiX in [-1, 1].

    Raises :class:`ItemError` when the bytes do not decode or are not the four channels of the manifest.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if file.channels != 4 or file.samplerate != clip.sample_rate_hz:
                raise ItemError(
                    "corrupt-member",
                    f"clip {clip.clip}: {file.channels} channels at {file.samplerate} Hz, expected 4 at "
                    f"{clip.sample_rate_hz} Hz; run yt360 verify",
                )
            file.seek(start)
            sound = file.read(samples, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise ItemError("corrupt-member", f"clip {clip.clip}: the sound does not decode ({error})") from error
    if len(sound) != samples:
        raise ItemError(
            "corrupt-member",
            f"clip {clip.clip}: the sound ends before sample {start + samples}, the manifest says {clip.samples}; "
            "run yt360 verify",
        )
    if not np.isfinite(sound).all():
        raise ItemError("corrupt-member", f"clip {clip.clip}: the sound holds values that are not numbers")
    return np.ascontiguousarray(sound.T)
