"""What a look into an arrived file finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests import SHARED
from yt360.crawling.download_check import mismatch

MEDIA = SHARED / "media"


@pytest.mark.parametrize(("channels", "fine"), [(2, False), (4, True), (6, True)])
def test_channels_enough_for_ambisonics(tmp_path: Path, channels: int, fine: bool) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((4800, channels)), 48_000)
    assert (mismatch("sound", tmp_path / "a.wav") == "") == fine


def test_what_is_no_media_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "a.webm").write_bytes(b"noise" * 100)
    assert mismatch("sound", tmp_path / "a.webm")
    assert mismatch("video", tmp_path / "a.webm")


@pytest.mark.skipif(not MEDIA.is_dir(), reason="the real files are not beside this checkout")
def test_real_pictures() -> None:
    assert mismatch("video", MEDIA / "flat_camera.mp4").startswith("not-360")
    assert mismatch("video", MEDIA / "kqAZkf5Odyw_80.mp4") == ""
    assert mismatch("sound", MEDIA / "kqAZkf5Odyw_80.f327.m4a") == ""
