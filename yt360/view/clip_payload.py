"""What the player is given of a clip: its picture, its sound as samples, and the layers over it.

Each is a member with a name; the address of one is that of the clip, a slash and the name, on a server and in a folder
that was exported alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from yt360.dataset.clip import Clip
from yt360.view.drawn_views import TrainingRun, drawn_views
from yt360.view.map_layer import map_layer, map_name, map_picture
from yt360.view.sound_file import CHANNELS, sound_wav
from yt360.view.sound_layers import sound_layers

ABOUT = "clip.json"

_TYPES = {"json": "application/json", "png": "image/png", "mp4": "video/mp4", "wav": "audio/wav"}

_DIRECTIONS = (
    "azimuth counter-clockwise from the front (left is positive), elevation up, degrees; the picture's middle column "
    "is the front, its left edge +180"
)


@dataclass(frozen=True)
class Member:
    """``data`` and what it is (``content_type`` as HTTP names it)."""

    data: bytes
    content_type: str


class ClipPayload:
    """All that the player asks for of a clip. Nothing is read before it is asked for.

    ``run``: whose views are shown; as the paper draws them where there is none. Methods raise
    :class:`yt360.errors.ItemError` where the clip's bytes are not what the manifest says.
    """

    def __init__(self, clip: Clip, run: TrainingRun | None = None) -> None:
        self.clip, self._run = clip, run

    def about(self) -> dict[str, Any]:
        """What ``clip.json`` holds: times, sizes, conventions and the names of the other members."""
        row = self.clip.row
        members = {"video": "video.mp4", "sound": "sound.wav", "energy": "energy.json", "directions": "directions.json"}
        members["views"] = "views.json"
        if self._has_maps:
            members["maps"] = "maps.json"
        return about_recording(
            key=self.clip.id,
            duration_s=self.clip.duration_s,
            picture={"width": row.width, "height": row.height, "fps": row.fps, "frames": row.frames},
            sound={"rate_hz": row.sample_rate_hz, "samples": row.samples, "gain": self._sound[1]},
            members=members,
            more={"video": self.clip.video, "split": self.clip.split, "start_s": self.clip.start_s},
        )

    def names(self) -> list[str]:
        """Names of all members."""
        about = self.about()
        maps = self.clip.maps if self._has_maps else None
        return [ABOUT, *about["members"].values(), *(map_name(number) for number in range(len(maps) if maps else 0))]

    def read(self, name: str) -> Member:
        """The member of that name. Raises :class:`KeyError` for one that is not among :meth:`names`."""
        made = {
            "video.mp4": lambda: self.clip.decoder.reader.video(self.clip.row),
            "sound.wav": lambda: self._sound[0],
            ABOUT: lambda: _json(self.about()),
            "energy.json": lambda: _json(self._layers[0]),
            "directions.json": lambda: _json(self._layers[1]),
            "views.json": lambda: _json(drawn_views(self.clip, self._run)),
        }
        maps = self.clip.maps if self._has_maps else None
        if maps is not None:
            made["maps.json"] = lambda: _json(map_layer(maps))
        if name in made:
            return Member(made[name](), _TYPES[name.rpartition(".")[2]])
        for number in range(len(maps) if maps is not None else 0):
            if name == map_name(number):
                assert maps is not None
                return Member(map_picture(maps, number), _TYPES["png"])
        raise KeyError(name)

    @cached_property
    def _has_maps(self) -> bool:
        maps = self.clip.maps
        return maps is not None and len(maps) > 0

    @cached_property
    def _sound(self) -> tuple[bytes, float]:
        return sound_wav(self.clip.foa(), self.clip.sample_rate_hz)

    @cached_property
    def _layers(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return sound_layers(self.clip.foa(), self.clip.sample_rate_hz)


def about_recording(
    *,
    key: str,
    duration_s: float,
    picture: Mapping[str, Any],
    sound: Mapping[str, Any],
    members: Mapping[str, str],
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A dictionary as the player reads it, of a clip or of a part of a whole video.

    ``picture``: ``width``, ``height``, ``fps`` and ``frames`` of an equirectangular one; ``sound``: ``rate_hz``,
    ``samples`` and the ``gain`` of :func:`yt360.view.sound_file.sound_wav`; ``members``: addresses relative to that of
    the dictionary and a slash, by the names ``video``, ``sound``, ``energy``, ``directions``, ``views``, ``maps``.
    """
    return {
        **(more or {}),
        "key": key,
        "duration_s": duration_s,
        "picture": {**picture, "projection": "equirectangular"},
        "sound": {**sound, "channels": list(CHANNELS), "order": "ACN", "weights": "SN3D"},
        "directions": _DIRECTIONS,
        "members": dict(members),
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True).encode("utf-8")
