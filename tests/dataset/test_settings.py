"""How samples are drawn unless a recipe says otherwise, and how far it may go."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from yt360.dataset.settings import DataSettings, SampleSettings


def test_samples_are_drawn_as_in_the_paper() -> None:
    assert SampleSettings().model_dump() == {
        "data": {
            "train_split": "train",
            "test_split": "test",
            "clips_per_video": 32,
            "picture_s": 0.5,
            "frames_per_second": 16.0,
            "sound_s": 1.0,
            "workers": 2,
            "verify_digests": True,
        },
        "views": {
            "size": 112,
            "elevation_deg": (-28.8, 30.6),
            "aspect": (0.75, 4 / 3),
            "energy_share": 0.0,
            "flip": 0.5,
            "jitter": (0.4, 0.4, 0.4, 0.2),
            "gain": (0.9, 1.1),
        },
        "behaviour": {
            "rotation": "correct",
            "pool": "all_views",
            "margin": 0.2,
            "coverage": "written",
            "flip_sound": True,
            "channels": "canonical",
        },
        "view_count": 4,
        "several_moments": False,
    }


LONG = {"sound_s": 30.0}
BOUNDS: list[tuple[str, Any, Any, dict[str, Any]]] = [
    ("clips_per_video", 1, 0, {}),
    ("picture_s", 30.0, 30.1, LONG),
    ("picture_s", 0.01, 0.0, {}),
    ("frames_per_second", 120.0, 120.1, {}),
    ("frames_per_second", 2.0, 0.0, {}),
    ("sound_s", 30.0, 30.1, {}),
    ("sound_s", 0.5, 0.0, {}),
    ("workers", 0, -1, {}),
    ("workers", 256, 257, {}),
]


@pytest.mark.parametrize(("name", "inside", "outside", "more"), BOUNDS)
def test_the_ends_of_what_data_settings_may_be(name: str, inside: Any, outside: Any, more: dict[str, Any]) -> None:
    if name == "picture_s" and inside < 1:
        more = {"frames_per_second": 120.0}
    assert getattr(DataSettings(**{name: inside}, **more), name) == inside
    with pytest.raises(ValidationError, match=name):
        DataSettings(**{name: outside}, **more)
