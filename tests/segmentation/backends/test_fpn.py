"""The Panoptic FPN behind the interface of all models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from tests.segmentation.random_weights import NARROW, NARROW_PICTURES, random_picture, random_weights
from yt360.segmentation.backends.fpn import FpnModel
from yt360.segmentation.categories import COCO
from yt360.segmentation.checkpoint import load_into
from yt360.segmentation.fpn.model import PanopticFPN


def test_map_of_a_picture_does_not_depend_on_the_larger_one_beside_it() -> None:
    network = PanopticFPN(NARROW)
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    load_into(network, random_weights(shapes, 3), "random")
    network.eval().requires_grad_(False)
    model = FpnModel(network, name="narrow", licence="", weights="", categories=COCO)
    pictures = [random_picture(seed, size) for seed, size in enumerate((*NARROW_PICTURES, NARROW_PICTURES[0]))]
    with torch.inference_mode():
        together = model.predict(pictures)
        alone = [model.predict([picture])[0] for picture in pictures]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.ids, other.ids)
        assert [replace(s, score=0.0) for s in one.segments] == [replace(s, score=0.0) for s in other.segments]
        # A matrix of other height may be summed in another order: the last bits of a score.
        np.testing.assert_allclose([s.score for s in one.segments], [s.score for s in other.segments], atol=1e-5)
