from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.filters.duplicates.test_matching import music
from yt360.errors import ItemError
from yt360.filters.duplicates import audio_fingerprint
from yt360.filters.duplicates.peak_files import read_peaks, while_passing, write_peaks


def test_blocks_pass_as_they_are_and_leave_the_peaks_of_w(tmp_path: Path) -> None:
    import soxr

    sound = np.zeros((4, 24_000 * 9), np.float32)
    sound[0] = soxr.resample(music(3, 9.0), audio_fingerprint.RATE_HZ, 24_000)[: sound.shape[1]]
    blocks = np.split(sound, [1000, 50_000, 50_001], axis=1)
    passing, peaks = while_passing(blocks, 24_000)
    for one, other in zip(passing, blocks, strict=True):
        assert one is other
    write_peaks(tmp_path / "peaks.npy", peaks())
    found = read_peaks(tmp_path / "peaks.npy")
    direct = audio_fingerprint.peaks([music(3, 9.0)])
    same = {tuple(each) for each in found.tolist()} & {tuple(each) for each in direct.tolist()}
    assert len(direct) > 50
    assert len(same) > 0.97 * len(direct)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPYtorn"])
def test_damaged_peaks_are_an_error_that_names_the_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "peaks.npy").write_bytes(content)
    with pytest.raises(ItemError, match=r"peaks\.npy"):
        read_peaks(tmp_path / "peaks.npy")


def test_of_long_sounds_the_peaks_do_not_depend_on_the_blocks() -> None:
    sound = np.tile(music(4, 10.0), 7)
    whole = audio_fingerprint.peaks([sound])
    np.testing.assert_array_equal(audio_fingerprint.peaks(np.array_split(sound, 50)), whole)
    assert whole[-1, 0] * audio_fingerprint.FRAME_S > 65
