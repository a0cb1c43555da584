"""How to turn the sound of one file into AmbiX W Y Z X: the recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

SILENT = -1
"""In :attr:`FoaDecodeSpec.order`: this component is not in the file and reads as zeros."""


@dataclass(frozen=True)
class FoaDecodeSpec:
    """A recipe for :func:`yt360.media.reading_sound.read_sound`.

    ``source`` says which file holds the sound: the one with the picture or a separate one.
    ``edits`` is the edit list of a track that was cut: where each piece begins on the container's clock and in the
    track's own time, and how long it is, in seconds.
    ``parts`` are the streams that are decoded side by side where the sound is spread over several (IAMF, one track a
    channel); ``stream`` is the first of them. ``matrix`` ``(channels, decoded channels)`` is applied to what they hold
    before anything else; without it there are ``channels`` decoded channels. ``opus_header`` (hexadecimal) is that by
    which Opus is decoded where libav cannot go by the file's own (mapping family 3).
    ``ambix[k] = gains[k] * decoded[order[k]]``. ``delay_s`` is how long after the container's start
    the first sample sounds. ``convention`` is what the file held (``ambix``, ``fuma``, ``n3d``,
    ``itag327`` …); ``repaired`` says in words what was put right, empty if nothing.
    """

    channels: int
    sample_rate_hz: int
    source: Literal["video", "sound"] = "video"
    stream: int = 0
    codec: str = ""
    layout: str = ""
    order: tuple[int, int, int, int] = (0, 1, 2, 3)
    gains: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    convention: str = "ambix"
    head_locked: tuple[int, ...] = ()
    repaired: str = ""
    delay_s: float = 0.0
    edits: tuple[tuple[float, float, float], ...] = ()
    parts: tuple[int, ...] = ()
    matrix: tuple[tuple[float, ...], ...] = ()
    opus_header: str = ""
    drift_ppm: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """JSON values; :meth:`from_json` is the inverse."""
        fields = asdict(self)
        for name in ("edits", "parts", "matrix", "opus_header", "drift_ppm"):
            if not fields[name]:
                del fields[name]
        return fields

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> FoaDecodeSpec:
        """Raises ``TypeError`` for unknown keys."""
        fields = dict(value)
        for name in ("order", "gains", "head_locked", "parts"):
            if name in fields:
                fields[name] = tuple(fields[name])
        if "edits" in fields:
            fields["edits"] = tuple((float(at), float(begin), float(length)) for at, begin, length in fields["edits"])
        if "matrix" in fields:
            fields["matrix"] = tuple(tuple(float(gain) for gain in row) for row in fields["matrix"])
        return FoaDecodeSpec(**fields)

    @property
    def decoded_channels(self) -> int:
        """Channels that come out of the decoder."""
        return len(self.matrix[0]) if self.matrix else self.channels

    def mixed(self, decoded: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(n, decoded channels)`` to ``(n, channels)`` by the matrix, the same for a sample whatever is beside it."""
        if not self.matrix:
            return decoded
        result = np.zeros((len(decoded), self.channels), np.float32)
        for row, gains in enumerate(self.matrix):
            for column, gain in enumerate(gains):
                if gain:
                    result[:, row] += np.float32(gain) * decoded[:, column]
        return result

    @property
    def as_decoded(self) -> bool:
        """Whether the decoded channels are AmbiX W Y Z X as they are: :meth:`ambisonic` would only copy them."""
        return self.channels == 4 and self.order == (0, 1, 2, 3) and self.gains == (1.0, 1.0, 1.0, 1.0)

    def ambisonic(self, decoded: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(channels, n)`` as decoded to ``(4, n)`` AmbiX."""
        result = np.zeros((4, decoded.shape[1]), np.float32)
        for k, (source, gain) in enumerate(zip(self.order, self.gains, strict=True)):
            if source != SILENT:
                np.multiply(decoded[source], np.float32(gain), out=result[k])
        return result
