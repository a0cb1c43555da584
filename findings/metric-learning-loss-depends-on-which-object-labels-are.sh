#!/usr/bin/env bash
# pytorch-metric-learning 2.9.0 and a contrastive loss between two modalities: loss(video, labels, ref_emb=audio,
# ref_labels=labels), row i of one and row i of the other being the same clip. Expected: cross entropy over the matrix of
# similarities with the diagonal as positives, 0.190 here; that is what comes out with ref_labels=labels.clone(). Seen: with the
# same tensor object for both, 0.0 and a gradient of zero, without a word, from NTXentLoss and SupConLoss: where ref_labels is
# labels, the library takes ref_emb for the same embeddings and leaves the diagonal, which holds every true pair, out of the
# positives. (TripletMarginLoss and CircleLoss give 0.0, too; ContrastiveLoss and MultiSimilarityLoss keep only the negatives
# and push everything apart.) With two clips of a video in the batch the loss looks healthy, and its positives are only the
# pairs of a clip with the OTHER clip's sound. Which object the labels are decides, not what they say.
# Source: the library's page on losses (version 2): with ref_emb, anchors come from embeddings, positives and negatives from
# ref_emb.
# REUSE_SITE=SITE-PACKAGES takes torch from there instead of installing it (5.5 GB).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
site=$("$work/venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')
if [ -n "${REUSE_SITE:-}" ]; then echo "$REUSE_SITE" > "$site/zz_reuse.pth"; torch=(); else torch=(torch==2.14.1); fi
"$work/venv/bin/pip" install -q --no-compile --disable-pip-version-check "${torch[@]}" pytorch-metric-learning==2.9.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import torch
import torch.nn.functional as F
from pytorch_metric_learning import losses


def must(holds, what):
    if not holds:
        sys.exit(f"CHANGED: {what}")


torch.manual_seed(0)
video = F.normalize(torch.randn(8, 16), dim=1).requires_grad_()
audio = F.normalize(video.detach() + 0.5 * torch.randn(8, 16), dim=1)
labels = torch.arange(8)
right = F.cross_entropy(video @ audio.T / 0.1, labels)
print(f"pytorch-metric-learning {version('pytorch-metric-learning')}, torch {torch.__version__}")
print(f"Expected: one value, whichever way equal labels are passed; for NTXent {right.item():.4f}")


def both(loss, labels):
    """The loss with one tensor object as labels and ref_labels, and with an equal copy."""
    return [loss(video, labels, ref_emb=audio, ref_labels=other) for other in (labels, labels.clone())]


for loss in (losses.NTXentLoss(0.1), losses.SupConLoss(0.1), losses.TripletMarginLoss(), losses.CircleLoss(),
             losses.ContrastiveLoss(), losses.MultiSimilarityLoss()):
    same, copy = both(loss, labels)
    print(f"Seen: {type(loss).__name__:20} same object {same.item():.4f}   copy {copy.item():.4f}")
    must(copy.item() > 0.05 and same.item() < copy.item() / 10, f"{type(loss).__name__} no longer tells them apart")

same, copy = both(losses.NTXentLoss(0.1), labels)
slope = [torch.autograd.grad(value, video)[0].abs().max().item() for value in (same, copy)]
print(f"Seen: largest gradient of NTXent: same object {slope[0]}, copy {slope[1]:.3f}")
must(torch.isclose(copy, right) and same.item() == 0 and slope[0] == 0 < slope[1], "NTXent with one object learns something")

videos = torch.arange(4).repeat_interleave(2)                      # two clips of each video: rows 0 and 1, 2 and 3, ...
same, copy = both(losses.NTXentLoss(0.1), videos)
print(f"Seen: two clips a video, NTXent: same object {same.item():.4f}   copy {copy.item():.4f}")
likeness = video @ audio.T / 0.1
strangers = likeness.masked_fill(videos[:, None] == videos, -torch.inf).logsumexp(1)


def pulled(columns):
    """NTXent where the positive of row i is column columns[i] alone."""
    positive = likeness[torch.arange(8), columns]
    return (torch.logaddexp(positive, strangers) - positive).mean()


own, other = pulled(torch.arange(8)), pulled(torch.arange(8) ^ 1)
print(f"      by hand: own sound {own.item():.4f}, sound of the other clip {other.item():.4f}, mean {(own + other).item() / 2:.4f}")
must(torch.isclose(same, other) and torch.isclose(copy, (own + other) / 2), "its positives are no longer the other clip's alone")
PY
