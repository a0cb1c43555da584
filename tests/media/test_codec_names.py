"""Codecs are called by their own names, whichever library decodes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.media_containers import equi, insert_boxes, st3d, sv3d
from yt360.media import ffmpeg
from yt360.media.inspect import inspect_media


@pytest.mark.parametrize("suffix", ["mp4", "webm", "mkv"])
def test_av1_is_called_av1_and_its_sphere_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    source = ["-f", "lavfi", "-i", "testsrc2=s=128x64:r=2:d=3"]
    coder = ["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-threads", "1"]
    ffmpeg.run(["-y", *source, *coder, str(path)], timeout_s=60)
    if suffix == "mp4":
        insert_boxes(path, b"vide", st3d(1), sv3d(equi(), yaw_deg=10))
    inspection = inspect_media(path)
    assert inspection.to_json()["video"]["codec"] == "av1"
    assert inspection.frames is not None
    assert inspection.frames.failed == 0
    assert np.ptp(inspection.frames.frames) > 100
    if suffix == "mp4":
        assert inspection.info is not None
        stated = inspection.info.metadata.picture()
        assert (stated.projection, stated.stereo, stated.yaw_deg) == ("equirectangular", "top-bottom", 10)


@pytest.mark.parametrize(
    ("coder", "suffix", "name"), [("libx265", "mp4", "hevc"), ("libvpx-vp9", "webm", "vp9"), ("libvpx", "webm", "vp8")]
)
def test_names_of_other_codecs(tmp_path: Path, coder: str, suffix: str, name: str) -> None:
    path = tmp_path / f"x.{suffix}"
    ffmpeg.run(["-y", "-f", "lavfi", "-i", "testsrc2=s=128x64:r=2:d=2", "-c:v", coder, str(path)], timeout_s=60)
    assert inspect_media(path).to_json()["video"]["codec"] == name
