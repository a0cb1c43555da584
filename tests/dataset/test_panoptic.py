"""Label maps are cut by the same view as pictures."""

from __future__ import annotations

import numpy as np
import pytest

from yt360 import sphere
from yt360.dataset.manifest import ClipRow
from yt360.dataset.panoptic import check_map_size
from yt360.dataset.perspective_crop import PAD, DrawnView, continue_sphere, crop_frames, crop_labels
from yt360.errors import ItemError

VIEWS = [(0.0, 0.0, False), (3.1, 0.2, False), (-1.0, 1.2, True), (2.0, -1.5, False)]


@pytest.mark.parametrize(("azimuth", "elevation", "flip"), VIEWS)
@pytest.mark.parametrize("corners", [False, True])
def test_labels_and_pictures_show_the_same(azimuth: float, elevation: float, flip: bool, corners: bool) -> None:
    """Large patches of brightness are cut as a picture and as labels: equal but for their edges."""
    rays = sphere.pixel_vectors(128, 256)
    labels = (np.sin(4 * rays[..., 0]) > 0) * 1 + (np.sin(4 * rays[..., 1]) > 0) * 2 + (rays[..., 2] > 0.1) * 4
    padded = np.zeros((1, 128 + 2 * PAD, 256 + 2 * PAD, 3), np.uint8)
    padded[0, PAD:-PAD, PAD:-PAD] = (labels * 30)[..., None]
    continue_sphere(padded)
    view = DrawnView(sphere.View(azimuth, elevation, 1.4, 1.2), flip=flip, gain=1.0, corners=corners)
    picture = crop_frames(padded, view, 64)[0, ..., 0]
    cut = crop_labels(labels[None].astype(np.int32), view, 64)[0]
    assert cut.dtype == np.int32
    flat = picture % 30 == 0  # interpolation between patches gives other values
    assert flat.mean() > 0.8
    assert (picture[flat] == 30 * cut[flat]).mean() > 0.99


def test_labels_wrap_around_the_seam_and_never_mix() -> None:
    labels = np.zeros((1, 32, 64), np.int64)
    labels[0, :, :4], labels[0, :, -4:] = 70_001, 5
    view = DrawnView(sphere.View(np.pi, 0.0, 0.5, 0.5), flip=False, gain=1.0, corners=False)
    cut = crop_labels(labels, view, 20)[0]
    assert set(np.unique(cut)) <= {5, 70_001}
    assert (cut[:, :9] == 5).all(), "left of the seam lies the picture's right edge"
    assert (cut[:, 11:] == 70_001).all()


@pytest.mark.parametrize("size", [(32, 64), (31, 64), (32, 63), (64, 32)])
def test_maps_of_another_size_than_the_clip_are_damaged(size: tuple[int, int]) -> None:
    row = ClipRow("c", "v", "s.tar", 0, 1, "", 0, 1, "", 40, 16.0, 32, 64, 20000, 8000)
    if size == (32, 64):
        check_map_size(np.zeros(size, np.int32), row)
        return
    with pytest.raises(ItemError, match=f"a map of {size[1]}x{size[0]}, the manifest says 64x32"):
        check_map_size(np.zeros(size, np.int32), row)
