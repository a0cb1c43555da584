"""A picture and a sound put into one MP4 for people."""

from __future__ import annotations

from pathlib import Path

from yt360.media import ffmpeg


def join_picture_and_sound(picture: Path, sound: Path, path: Path, *, kbit_s: int = 128, gain_db: float = 0.0) -> None:
    """Write ``path``: the picture as it is, and the sound as AAC, louder by ``gain_db``. Equal inputs, equal bytes.

    Raises :class:`yt360.media.ffmpeg.FfmpegError`.
    """
    louder = ["-af", f"volume={gain_db:.4f}dB:precision=float"] if gain_db else []
    ffmpeg.run(
        [
            *("-y", *ffmpeg.input_arguments(picture), *ffmpeg.input_arguments(sound)),
            *("-map", "0:v:0", "-map", "1:a:0", "-c:v", "copy", *louder, "-c:a", "aac", "-b:a", f"{kbit_s}k"),
            *("-fflags", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1"),
            # Whether a picture is spherical stays written in it only for those who ask for what is not yet standard.
            *("-strict", "unofficial", "-movflags", "+faststart", "-f", "mp4", str(path)),
        ],
        timeout_s=ffmpeg.DEFAULT_TIMEOUT_S,
    )
