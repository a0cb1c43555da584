"""The Panoptic FPN behind the interface of all models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.segmentation.random_weights import NARROW, NARROW_PICTURES, random_picture, random_weights
from yt360.segmentation.backends.fpn import FpnModel
from yt360.segmentation.categories import COCO, COCO_STUFF, COCO_THINGS
from yt360.segmentation.checkpoint import load_into
from yt360.segmentation.fpn.detection import Instances
from yt360.segmentation.fpn.fused import fuse
from yt360.segmentation.fpn.merge import merge
from yt360.segmentation.fpn.model import FpnOutput, PanopticFPN
from yt360.segmentation.maps import PanopticMap

THINGS, STUFF = ([category.name for category in kind] for kind in (COCO_THINGS, COCO_STUFF))
SKY = "sky-other-merged"


def assert_equal(found: list[PanopticMap], expected: list[PanopticMap]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.ids, other.ids)
        assert one.segments == other.segments  # scores to the last bit


@pytest.fixture(scope="module", params=["as it is", "fused"])
def model(request: pytest.FixtureRequest) -> FpnModel:
    network = PanopticFPN(NARROW)
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    load_into(network, random_weights(shapes, 3), "random")
    network.eval().requires_grad_(False)
    if request.param == "fused":
        fuse(network)
    return FpnModel(network, name="narrow", licence="", weights="", categories=COCO)


def test_map_of_a_picture_does_not_depend_on_those_beside_it(model: FpnModel) -> None:
    """Not on larger ones, and not on how many of its own size there are."""
    pictures = [random_picture(seed, size) for seed, size in enumerate(NARROW_PICTURES[:2] * 2)]
    assert_equal(model.predict(pictures), [model.predict([picture])[0] for picture in pictures])


def test_map_of_a_picture_does_not_depend_on_the_number_of_threads(model: FpnModel) -> None:
    pictures = [random_picture(seed, size) for seed, size in enumerate(NARROW_PICTURES[:2])]
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(model.predict(pictures))
    finally:
        torch.set_num_threads(before)
    assert_equal(found[1], found[0])


def test_stuff_found_twice_with_a_thing_between_is_one_segment(model: FpnModel) -> None:
    """Stripes: sky, person, sky, dog. The two skies are one segment, the dog stays a dog."""
    person, dog, sky = (name_of.index(name) for name_of, name in ((THINGS, "person"), (THINGS, "dog"), (STUFF, SKY)))
    semantic = torch.full((64, 64), sky + 1)
    masks = torch.zeros((2, 64, 64), dtype=torch.bool)
    masks[0, 16:32], masks[1, 48:] = True, True
    boxes = torch.tensor([[0.0, 16, 64, 32], [0.0, 48, 64, 64]])
    instances = Instances(boxes, torch.tensor([0.9, 0.8]), torch.tensor([person, dog]), torch.zeros(2, 28, 28))
    ids, segments = merge(instances, masks, semantic, replace(model.network.config, stuff_area=1))
    output = FpnOutput(ids, segments, torch.zeros(54, 64, 64), instances, masks)
    panoptic = model._map(output)
    names = {category.id: category.name for category in COCO}
    stripes = [names[int(panoptic.category_map()[16 * k + 8, 32])] for k in range(4)]
    assert stripes == [SKY, "person", SKY, "dog"]
    assert sorted(names[s.category_id] for s in panoptic.segments) == ["dog", "person", SKY]
    assert [s.area for s in panoptic.segments] == [(panoptic.ids == s.id).sum() for s in panoptic.segments]
