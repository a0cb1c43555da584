from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from benchmarks.media_containers import encode
from yt360.media.probe import probe
from yt360.media.sampling import sample_frames


@pytest.mark.parametrize("size", [(64, 128), (90, 162)], ids=["even rows", "padded rows"])
def test_frames_are_those_that_a_converter_made_for_each_would_give(tmp_path: Path, size: tuple[int, int]) -> None:
    shown = np.random.default_rng(3).integers(0, 256, (16, *size, 3), np.uint8)
    info = probe(encode(tmp_path / "x.mp4", frames=shown))
    sample = sample_frames(info, info.videos[0], count=3, height=36, width=64)
    with av.open(str(info.path)) as container:
        each = {round(float(frame.time or 0), 3): frame.reformat(format="gray") for frame in container.decode(video=0)}
    grays = [each[time_s].to_ndarray() for time_s in sample.times_s]
    assert len({gray.tobytes() for gray in grays}) > 1
    wanted = [cv2.resize(gray, (64, 36), interpolation=cv2.INTER_AREA) for gray in grays]
    assert np.array_equal(sample.frames, np.stack(wanted))
