"""What a Panoptic FPN is trained with: the losses of Faster R-CNN, Mask R-CNN and the semantic head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import box_iou, roi_align

from yt360.segmentation.fpn import boxes as box_ops
from yt360.segmentation.fpn.model import PanopticFPN

VOID = 255
"""Semantic label of pixels that no loss looks at."""

_ANCHORS_A_PICTURE = 64
_PROPOSALS_A_PICTURE = 48
_MASK_SIZE = 28


@dataclass(frozen=True)
class FpnTarget:
    """The truth of one picture: ``boxes`` ``(n, 4)`` pixels, ``classes`` ``(n,)`` index of the thing, ``masks``
    ``(n, H, W)`` bool, ``semantic`` ``(H, W)`` int64 (0 thing, k the k-th stuff, :data:`VOID`)."""

    boxes: Tensor
    classes: Tensor
    masks: Tensor
    semantic: Tensor


def losses(model: PanopticFPN, pictures: Tensor, targets: Sequence[FpnTarget]) -> dict[str, Tensor]:
    """Each loss of a batch of normalised pictures ``(N, 3, H, W)`` of one size."""
    size = (pictures.shape[2], pictures.shape[3])
    sizes = [size] * len(targets)
    features = model.backbone(pictures)
    found: dict[str, Tensor] = {}
    semantic = model.sem_seg_head(features)
    found["semantic"] = functional.cross_entropy(
        semantic, torch.stack([t.semantic for t in targets]), ignore_index=VOID
    )

    logits, deltas = model.proposal_generator.score(features)
    anchors = model.proposal_generator.anchors(features)
    found |= _proposal_losses(torch.cat(logits, 1), torch.cat(deltas, 1), torch.cat(anchors), targets)
    with torch.no_grad():
        proposals = model.proposal_generator.propose(logits, deltas, anchors, sizes)
    samples = [
        _sample_proposals(boxes, target, model.config.things) for boxes, target in zip(proposals, targets, strict=True)
    ]
    return found | _head_losses(model, features, samples, targets)


def _match(candidates: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """For each candidate its best target's index and overlap; 0 where there is no target."""
    if not len(targets):
        return candidates.new_zeros(len(candidates), dtype=torch.long), candidates.new_zeros(len(candidates))
    overlap, index = box_iou(candidates, targets).max(dim=1)
    return index, overlap


def _pick(chosen: Tensor, count: int) -> Tensor:
    """Up to ``count`` random indices of where ``chosen`` is true."""
    places = torch.nonzero(chosen).squeeze(1)
    return places[torch.randperm(len(places), device=places.device)[:count]]


def _proposal_losses(
    logits: Tensor, deltas: Tensor, anchors: Tensor, targets: Sequence[FpnTarget]
) -> dict[str, Tensor]:
    objectness, regression = [], []
    for picture, target in enumerate(targets):
        index, overlap = _match(anchors, target.boxes)
        positive = overlap >= 0.7
        if len(target.boxes):
            # Every object gets its best anchors, however little they overlap.
            table = box_iou(anchors, target.boxes)
            best = (table == table.max(dim=0).values.clamp(min=1e-6)).any(dim=1)
            positive |= best
        yes = _pick(positive, _ANCHORS_A_PICTURE // 2)
        no = _pick((overlap < 0.3) & ~positive, _ANCHORS_A_PICTURE - len(yes))
        own = logits[picture]
        wanted = torch.cat([torch.ones_like(own[yes]), torch.zeros_like(own[no])])
        objectness.append(functional.binary_cross_entropy_with_logits(torch.cat([own[yes], own[no]]), wanted))
        if len(yes):
            aim = box_ops.encode(anchors[yes], target.boxes[index[yes]], box_ops.PROPOSAL_WEIGHTS)
            regression.append(functional.l1_loss(deltas[picture, yes], aim, reduction="sum") / _ANCHORS_A_PICTURE)
    zero = logits.sum() * 0
    return {"objectness": torch.stack(objectness).mean(), "proposal": sum(regression, zero) / len(targets)}


def _sample_proposals(proposals: Tensor, target: FpnTarget, things: int) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes to train the heads on, their class (``things``: background), and which target each belongs to."""
    boxes = torch.cat([proposals, target.boxes])
    index, overlap = _match(boxes, target.boxes)
    yes = _pick(overlap >= 0.5, _PROPOSALS_A_PICTURE // 3)
    no = _pick(overlap < 0.5, _PROPOSALS_A_PICTURE - len(yes))
    classes = torch.full((len(yes) + len(no),), things, device=boxes.device)
    classes[: len(yes)] = target.classes[index[yes]]
    chosen = torch.cat([yes, no])
    return boxes[chosen], classes, index[chosen]


def _head_losses(
    model: PanopticFPN,
    features: Sequence[Tensor],
    samples: Sequence[tuple[Tensor, Tensor, Tensor]],
    targets: Sequence[FpnTarget],
) -> dict[str, Tensor]:
    things = model.config.things
    boxes = [sample[0] for sample in samples]
    classes = torch.cat([sample[1] for sample in samples])
    logits, deltas = model.roi_heads.classify(features, boxes)
    zero = logits.sum() * 0
    found = {"class": functional.cross_entropy(logits, classes), "box": zero, "mask": zero}
    inside = torch.nonzero(classes < things).squeeze(1)
    if not len(inside):
        return found
    aims, masks, regions = [], [], []
    for (box, label, index), target in zip(samples, targets, strict=True):
        is_thing = label < things
        if not bool(is_thing.any()):
            regions.append(box[:0])
            continue
        box, index = box[is_thing], index[is_thing]
        aims.append(box_ops.encode(box, target.boxes[index], box_ops.BOX_WEIGHTS))
        numbered = torch.cat([torch.arange(len(box), device=box.device)[:, None].float(), box], dim=1)
        cut = roi_align(target.masks[index][:, None].float(), numbered, _MASK_SIZE, aligned=True)
        masks.append((cut[:, 0] >= 0.5).float())
        regions.append(box)
    own = deltas[inside].reshape(len(inside), things, 4)
    own = own[torch.arange(len(inside), device=own.device), classes[inside]]
    found["box"] = functional.l1_loss(own, torch.cat(aims), reduction="sum") / len(classes)
    predicted = model.roi_heads.mask_logits(features, regions)
    predicted = predicted[torch.arange(len(inside), device=own.device), classes[inside]]
    found["mask"] = functional.binary_cross_entropy_with_logits(predicted, torch.cat(masks))
    return found
