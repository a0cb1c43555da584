from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from yt360.media.png import encode_png, write_png


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_pictures_come_back_as_they_were(tmp_path: Path, kind: type) -> None:
    colours = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (5, 7, 3), kind)
    for picture in (colours, colours[..., 0]):
        write_png(tmp_path / "new" / "p.png", picture)
        found = cv2.imread(str(tmp_path / "new" / "p.png"), cv2.IMREAD_UNCHANGED)
        assert found is not None
        assert np.array_equal(found[..., ::-1] if picture.ndim == 3 else found, picture)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["p.png"]


@pytest.mark.parametrize("picture", [np.zeros((0, 0, 3), np.uint8), np.zeros((4, 4, 7), np.uint8)])
def test_what_no_png_can_hold_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="cannot be a PNG"):
        encode_png(picture)
