"""``facts.json``: what ``validate`` found out about a video, and how later stages decode it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yt360.errors import ItemError
from yt360.files import parse_json
from yt360.media.picture import VideoDecodeSpec
from yt360.media.sound import FoaDecodeSpec


@dataclass(frozen=True)
class Facts:
    """The part of ``facts.json`` that is read again.

    Picture and sound run together from ``start_s`` to ``end_s`` (seconds on the container's clock). ``has_picture``
    and ``has_sound`` say what the files hold, ``video`` and ``foa`` how to decode it (``None``: nobody knows).
    ``horizontal_only``: the sound has no height (Z is silent).
    """

    start_s: float
    end_s: float
    video: VideoDecodeSpec | None = None
    foa: FoaDecodeSpec | None = None
    has_picture: bool = True
    has_sound: bool = True
    horizontal_only: bool = False
    path: Path = Path("facts.json")

    @staticmethod
    def load(path: Path) -> Facts:
        """Read the file. Raises :class:`ItemError` (``corrupt``) when it holds something else."""
        try:
            value: Mapping[str, Any] = parse_json(path.read_text(encoding="utf-8"))
            return Facts(
                start_s=float(value["start_s"]),
                end_s=float(value["end_s"]),
                video=VideoDecodeSpec.from_json(value["picture_reading"]) if value.get("picture_reading") else None,
                foa=FoaDecodeSpec.from_json(value["sound_reading"]) if value.get("sound_reading") else None,
                has_picture=bool(value.get("video")),
                has_sound=bool(value.get("audio")),
                horizontal_only=_horizontal_only(value),
                path=path,
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ItemError(
                "corrupt",
                f"{path}: expected what validate found out about a video (JSON), found something else ({error!r}); "
                "run `yt360 verify` and then the recipe again to make it anew",
            ) from error

    @property
    def span(self) -> tuple[float, float]:
        """First and last second in which there are both picture and sound."""
        return self.start_s, self.end_s

    @property
    def duration_s(self) -> float:
        """Seconds for which there are both."""
        return self.end_s - self.start_s

    @property
    def picture(self) -> VideoDecodeSpec:
        """How to decode the picture. Raises :class:`ItemError` when nobody knows."""
        if self.video is None:
            raise ItemError("no-picture", f"{self.path}: expected how to decode the picture, found nothing")
        return self.video

    @property
    def sound(self) -> FoaDecodeSpec:
        """How to decode the sound to AmbiX. Raises :class:`ItemError` when nobody knows."""
        if self.foa is None:
            raise ItemError("no-ambisonics", f"{self.path}: expected how to decode the sound, found nothing")
        return self.foa


def _horizontal_only(value: Mapping[str, Any]) -> bool:
    ambisonics = (value.get("audio") or {}).get("ambisonics") or {}
    return bool(ambisonics.get("horizontal_only"))
