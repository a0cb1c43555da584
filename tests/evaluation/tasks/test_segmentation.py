"""The pyramid head, what frozen means, and whole spheres out of views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.evaluation.test_runs import SEGMENTATION
from tests.training.world import make_root
from yt360 import sphere
from yt360.dataset.manifest import ClipSplit, load_split
from yt360.dataset.members import MemberReader
from yt360.dataset.settings import DataSettings
from yt360.errors import UsageError
from yt360.evaluation.metrics import IGNORED
from yt360.evaluation.pretrained import Pretrained, load_pretrained, sampling
from yt360.evaluation.recipe import SegmentationTask, parse_evaluation
from yt360.evaluation.tasks.labelled import LabelledMaker, labels_of, largest_class
from yt360.evaluation.tasks.segmentation import Segmenter, loss
from yt360.evaluation.tasks.segmentation_head import PyramidHead
from yt360.evaluation.tasks.sphere_pictures import covering_views, page, palette, stitch
from yt360.training.batch_plan import Request


@pytest.fixture
def pretrained(checkpoint: Path) -> Pretrained:
    evaluation = parse_evaluation({"name": "test", "tasks": [SEGMENTATION]}, "test")
    return load_pretrained(evaluation, checkpoint, torch.device("cpu"))


@pytest.fixture(scope="module")
def split(labelled_root: Path, checkpoint: Path) -> ClipSplit:
    evaluation = parse_evaluation({"name": "test", "tasks": [SEGMENTATION]}, "test")
    origin = load_pretrained(evaluation, checkpoint, torch.device("cpu")).origin
    return load_split(str(labelled_root), "train", origin.samples.data, 24000)


def _task(**fields: Any) -> SegmentationTask:
    return SegmentationTask(**{**SEGMENTATION, **fields})


def _batch(pretrained: Pretrained, split: ClipSplit, root: Path, count: int = 3) -> dict[str, torch.Tensor]:
    evaluation = parse_evaluation({"name": "test", "tasks": [SEGMENTATION]}, "test")
    settings = sampling(evaluation, pretrained.origin.samples, 2)
    reader = MemberReader(str(root))
    make = LabelledMaker(settings, reader, labels_of("maps", split, reader), 2, (60.0, 100.0), augment=True)
    made = [make(Request("train", k, k, (0, 1, 0, k, 0), augment=True), split.clips[k]) for k in range(count)]
    return {name: torch.from_numpy(np.stack([each[name] for each in made])) for name in made[0]}


@pytest.mark.parametrize(("encoders", "moves"), [("frozen", False), ("as-published", True), ("trained", True)])
def test_frozen_means_frozen(
    pretrained: Pretrained, split: ClipSplit, labelled_root: Path, encoders: Any, moves: bool
) -> None:
    """The published code's batch norm moves while it calls the model frozen; ours does not, and neither do weights."""
    task = _task(encoders=encoders, inputs=("context",))
    segmenter = Segmenter(pretrained, task, 7, seed=0).train()
    before = {name: value.clone() for name, value in segmenter.model.state_dict().items()}
    optimiser = torch.optim.Adam(segmenter.learned(), 1e-2)
    total, count = loss(_batch(pretrained, split, labelled_root), segmenter=segmenter, pretrained=pretrained)
    (total / count).backward()
    optimiser.step()
    after = segmenter.model.state_dict()
    statistics = [name for name in before if "running" in name]
    weights = [name for name in before if "running" not in name and "num_batches" not in name]
    assert statistics
    assert any(not torch.equal(before[name], after[name]) for name in statistics) == moves
    assert any(not torch.equal(before[name], after[name]) for name in weights) == (encoders == "trained")
    own = pretrained.model.state_dict()
    assert all(torch.equal(before[name], own[name]) for name in before), "the evaluated model itself never changes"


def test_dropout_is_off_in_frozen_context(pretrained: Pretrained, split: ClipSplit, labelled_root: Path) -> None:
    for layer in pretrained.model.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.5
    batch = _batch(pretrained, split, labelled_root, 2)
    pictures, spectrograms = pretrained.inputs(batch)
    same = {}
    for encoders in ("frozen", "as-published"):
        segmenter = Segmenter(pretrained, _task(encoders=encoders, inputs=("context",)), 7, seed=0).train()
        segmenter.model.video.eval()
        segmenter.model.sound.eval()
        a, b = (segmenter(pictures, spectrograms, batch["directions"], 16)["context"] for _ in range(2))
        same[encoders] = torch.equal(a, b)
    assert same == {"frozen": True, "as-published": False}


def test_heads_on_one_model_do_not_touch_each_other(
    pretrained: Pretrained, split: ClipSplit, labelled_root: Path
) -> None:
    """The head of one input gets the same gradient alone as beside the others."""
    batch = _batch(pretrained, split, labelled_root, 2)
    gradients = []
    for inputs in (("sound",), ("video", "sound", "context")):
        segmenter = Segmenter(pretrained, _task(inputs=inputs), 7, seed=0).train()
        loss(batch, segmenter=segmenter, pretrained=pretrained)[0].backward()
        gradients.append([parameter.grad for parameter in segmenter.heads["sound"].parameters()])
    for alone, beside in zip(*gradients, strict=True):
        torch.testing.assert_close(alone, beside)


def test_the_head_learns_what_the_maps_hold() -> None:
    """Classes that are written into the finest map are found at full size; extra features reach the output."""
    torch.manual_seed(0)
    head = PyramidHead([4, 6, 8, 10], [4, 2, 1, 1], 5, 4, 16, 8)
    truth = torch.randint(0, 4, (8, 6, 6))
    optimiser = torch.optim.Adam(head.parameters(), 2e-2)
    maps = [torch.randn(8, c, t, s, s) for c, t, s in ((6, 2, 6), (8, 1, 3), (10, 1, 2))]
    maps.insert(0, torch.eye(4)[truth].permute(0, 3, 1, 2)[:, :, None].expand(-1, -1, 4, -1, -1).repeat_interleave(2, 3)
                .repeat_interleave(2, 4))  # fmt: skip
    extra = torch.randn(8, 5)
    large = truth.repeat_interleave(4, 1).repeat_interleave(4, 2)
    for _ in range(60):
        scores = head(maps, extra, 24)
        assert scores.shape == (8, 4, 24, 24)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(scores, large).backward()
        optimiser.step()
    assert (head(maps, extra, 24).argmax(1) == large).float().mean() > 0.85
    assert not torch.equal(head(maps, extra, 24), head(maps, extra + 1, 24))


def test_picture_sound_and_labels_are_cut_alike(pretrained: Pretrained, split: ClipSplit, labelled_root: Path) -> None:
    """A disc is where the labels say: its colour under the label, and seen from behind there is none of it."""
    batch = _batch(pretrained, split, labelled_root, 6)
    labels, pictures = batch["labels"].numpy(), batch["pictures"].numpy()[:, :, -1]
    discs = labels > 0
    assert discs.any()
    spread = pictures.max(-1).astype(int) - pictures.min(-1)
    assert np.median(spread[discs]) > 2 * np.median(spread[~discs & (labels != IGNORED)])


def test_stitching_puts_every_direction_where_it_is() -> None:
    """Views that show which octant they look into give back the octants, seam and poles included."""
    views = covering_views(4)
    assert len(views) % 4 == 0
    size = 64

    def octant(rays: np.ndarray) -> np.ndarray:
        return np.asarray(((rays > 0) * [1, 2, 4]).sum(-1))

    scores = np.stack([np.eye(8)[octant(view.rays(size, size))].transpose(2, 0, 1) * 20 for view in views])
    found = stitch(scores, views, (40, 80))
    rays = sphere.pixel_vectors(40, 80)
    clear = np.abs(rays).min(-1) > 0.06
    assert (found == octant(rays))[clear].mean() > 0.995
    assert len({tuple(colour) for colour in palette(32)[:32]}) == 32
    assert not palette(32)[IGNORED].any()


def test_the_largest_class_of_a_view() -> None:
    labels = np.full((3, 4, 4), IGNORED, np.uint8)
    labels[0, :3], labels[0, 3] = 2, 1
    labels[1, 0, 0] = 3
    assert largest_class(labels, 5, 0.1).tolist() == [2, -1, -1]


def test_maps_of_other_categories_than_asked_for_are_refused(split: ClipSplit, labelled_root: Path, root: Path) -> None:
    reader = MemberReader(str(labelled_root))
    with pytest.raises(UsageError, match=r"coco-32 needs maps of a COCO model.*discs.*labels: maps"):
        labels_of("coco-32", split, reader)
    bare = load_split(str(root), "train", DataSettings(), 24000)
    with pytest.raises(UsageError, match=r"have no panoptic maps.*yt360 segment"):
        labels_of("maps", bare, MemberReader(str(root)))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root without maps."""
    return make_root(tmp_path_factory.mktemp("bare") / "root", videos=1, clips=1, seconds=1.0)


def test_a_picture_has_a_caption_for_each_band_and_a_legend_of_the_classes_that_it_shows() -> None:
    frame = np.full((40, 440, 3), 90, np.uint8)
    truth, found = np.zeros((40, 440), int), np.full((40, 440), 2)
    truth[:10] = 255  # no label
    drawn = page(frame, truth, found, ["sky", "tree", "sea"], ("a clip", "truth", "predicted"))
    assert drawn.shape == (3 * (20 + 40) + 20, 440, 3)
    colours = palette(3)
    assert (drawn[20:60] == frame).all()
    assert (drawn[80:90] == 0).all()
    assert (drawn[90:120] == colours[0]).all()
    assert (drawn[140:180] == colours[2]).all()
    assert (drawn[190, 5] == colours[0]).all()
    assert (drawn[190, 115] == colours[2]).all()
    assert not (drawn[180:] == colours[1]).all(axis=-1).any()
    for caption in (drawn[:20], drawn[60:80], drawn[120:140]):
        assert caption.min() < 120
