"""Slices of sound on disk are those of the array that was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from yt360.media.samples_on_disk import SamplesOnDisk


@pytest.mark.parametrize(
    "part",
    [slice(0, 3), slice(4, 7), slice(6, 100), slice(7, 9), slice(20, 30), slice(5, 2), slice(None), slice(-2, None)],
)
def test_a_slice_is_that_of_the_array(tmp_path: Path, part: slice) -> None:
    samples = np.arange(28, dtype=np.float32).reshape(7, 4)
    (tmp_path / "sound.f32").write_bytes(samples.tobytes())
    held = SamplesOnDisk(tmp_path / "sound.f32")
    assert len(held) == 7
    np.testing.assert_array_equal(held[part], samples[part])


def test_steps_are_refused(tmp_path: Path) -> None:
    (tmp_path / "sound.f32").write_bytes(bytes(64))
    with pytest.raises(ValueError, match="without a step"):
        SamplesOnDisk(tmp_path / "sound.f32")[::2]
