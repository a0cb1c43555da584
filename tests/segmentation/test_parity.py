"""Our Panoptic FPN gives what detectron2's gives.

``detectron2_outputs.npz`` was recorded with ``python -m benchmarks.segmentation_parity CHECKOUT --record
FILE`` from detectron2 at commit 02b5c4e (torch 2.14.1, CPU), which runs this model uncompiled: its own
ResNet-50 Panoptic FPN with an eighth of the channels, the weights and pictures of ``random_weights.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.segmentation.random_weights import NARROW, NARROW_PICTURES, random_picture, random_weights
from yt360.segmentation.fpn.config import R50, R101
from yt360.segmentation.fpn.fused import fuse
from yt360.segmentation.fpn.model import PanopticFPN, scaled_size

RECORDED = Path(__file__).with_name("detectron2_outputs.npz")


@pytest.fixture(scope="module", params=["as it is", "fused"])
def model(request: pytest.FixtureRequest) -> PanopticFPN:
    network = PanopticFPN(NARROW).eval()
    weights = random_weights({name: tuple(value.shape) for name, value in network.state_dict().items()}, 1)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    if request.param == "fused":
        fuse(network)
    return network


@pytest.mark.parametrize("number", range(len(NARROW_PICTURES)))
def test_outputs_are_those_recorded_from_detectron2(model: PanopticFPN, number: int) -> None:
    found = model([random_picture(number, NARROW_PICTURES[number])], everything=True)[0]
    with np.load(RECORDED) as recorded:
        wanted = {name.partition(".")[2]: recorded[name] for name in recorded.files if name.startswith(f"{number}.")}
    assert len(wanted["scores"]) > 20
    # Logits reach 30: a thousandth of a percent of them, for sums that are made in another order.
    np.testing.assert_allclose(found.semantic[:, ::32, ::32].numpy(), wanted["logits"], rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(found.instances.classes.numpy(), wanted["classes"])
    # In pixels of up to 800: recorded on an AMD EPYC, an Intel Xeon's kernels round them up to 0.0006 apart.
    np.testing.assert_allclose(found.instances.boxes.numpy(), wanted["boxes"], rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(found.instances.scores.numpy(), wanted["scores"], atol=1e-4)
    areas = found.masks.sum(dim=(1, 2)).numpy()
    np.testing.assert_allclose(areas, wanted["mask_areas"], atol=2)
    listed = [(s.id, s.is_thing, s.label + (not s.is_thing)) for s in found.segments]
    assert listed == [tuple(row) for row in wanted["segments"]]
    assert (found.ids.numpy() == wanted["ids"]).mean() >= 0.999


def test_instances_that_the_merge_never_looks_at_change_nothing(model: PanopticFPN) -> None:
    picture = random_picture(0, NARROW_PICTURES[0])
    everything, sooner = model([picture], everything=True)[0], model([picture])[0]
    assert len(sooner.instances) < len(everything.instances)
    assert torch.equal(everything.ids, sooner.ids)


def test_pictures_of_several_sizes_go_together(model: PanopticFPN) -> None:
    pictures = [random_picture(number, size) for number, size in enumerate(NARROW_PICTURES)]
    for picture, found in zip(pictures, model(pictures), strict=True):
        assert found.ids.shape == picture.shape[:2]
        assert {s.id for s in found.segments} == set(found.ids.unique().tolist()) - {0}
        for segment in found.segments:
            assert segment.area == int((found.ids == segment.id).sum())


def test_tensors_are_those_of_the_published_checkpoints() -> None:
    """Counts of the real files, from the facts; three names of each part."""
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in PanopticFPN(R101).state_dict().items()}
        small = PanopticFPN(R50).state_dict()
    assert len(shapes) == 585
    assert len(small) == 330
    assert shapes["backbone.bottom_up.res4.22.conv3.norm.running_var"] == (1024,)
    assert shapes["backbone.fpn_lateral5.weight"] == (256, 2048, 1, 1)
    assert shapes["proposal_generator.rpn_head.anchor_deltas.weight"] == (12, 256, 1, 1)
    assert shapes["roi_heads.box_predictor.bbox_pred.weight"] == (320, 1024)
    assert shapes["roi_heads.mask_head.deconv.weight"] == (256, 256, 2, 2)
    assert shapes["sem_seg_head.p5.4.norm.weight"] == (128,)
    assert shapes["sem_seg_head.predictor.weight"] == (54, 128, 1, 1)


@pytest.mark.parametrize(
    ("size", "scaled"),
    [((480, 640), (800, 1067)), ((640, 480), (1067, 800)), ((500, 1000), (667, 1333)), ((100, 1000), (133, 1333))],
)
def test_pictures_are_scaled_as_published(size: tuple[int, int], scaled: tuple[int, int]) -> None:
    assert scaled_size(*size, R101) == scaled


@pytest.mark.parametrize("model", ["as it is"], indirect=True)
def test_bfloat16_and_channels_last_find_much_the_same(model: PanopticFPN) -> None:
    picture = random_picture(1, NARROW_PICTURES[1])
    usual = model([picture])[0].semantic
    try:
        model.channels_last = True
        torch.testing.assert_close(model([picture])[0].semantic, usual, atol=1e-3, rtol=1e-3)
        model.half_precision = True
        rough = model([picture])[0].semantic
    finally:
        model.channels_last = model.half_precision = False
    assert 0 < (rough - usual).abs().mean() < 0.1 * usual.abs().mean()
