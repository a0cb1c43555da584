#!/usr/bin/env bash
# torchvision 0.29.1, transforms.v2: one thing in a panorama (a place a sound comes from) as picture, KeyPoints, BoundingBoxes and
# Mask, sent through the same transform. Expected: they stay together, as v2 promises to transform jointly, and flip then
# resize is resize then flip. Seen: the picture and the box agree to 0.001 pixel; key points and masks do not. A flip counts
# pixels from their centres (x -> W - 1 - x), a resize from their edges (x -> x * w / W): after 1792 -> 112 columns a key
# point is half an output pixel to the right (1.5 degrees of the sphere), after flip and resize 0.47 to the right, after resize
# and flip 0.47 to the left: the two orders differ by 0.94 pixel, 3 degrees, and the bias turns over with the coin of
# RandomHorizontalFlip. RandomRotation(180) puts it one pixel beside the picture. A Mask is sampled by "nearest" at the left
# edge of each cell: 0.47 to the right or to the left as well, and its two orders differ by half a pixel.
# Source: torchvision's documentation of transforms v2, which transform pictures, boxes, masks and key points jointly. The same
# contradiction for key points in another library: albumentations-team/AlbumentationsX issue 529.
# REUSE_SITE=SITE-PACKAGES takes torch and torchvision from there instead of installing them (5.5 GB).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
site=$("$work/venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')
if [ -n "${REUSE_SITE:-}" ]; then echo "$REUSE_SITE" > "$site/zz_reuse.pth"
else "$work/venv/bin/pip" install -q --no-compile --disable-pip-version-check torch==2.14.1 torchvision==0.29.1; fi
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys

import torch
import torchvision
from torchvision import tv_tensors
from torchvision.transforms import v2

TALL, WIDE, COLUMNS = 896, 1792, 112
PLACE = 400                                         # column of the pixel in whose middle the thing is


def must(holds, what):
    if not holds:
        sys.exit(f"CHANGED: {what}")


def thing():
    columns = torch.arange(WIDE)
    picture = (255 * torch.exp(-((columns - PLACE) / 24.0) ** 2 / 2)).repeat(3, TALL, 1)
    mask = ((columns - PLACE).abs() <= 64).to(torch.uint8).repeat(1, TALL, 1)
    return {"picture": tv_tensors.Image(picture), "mask": tv_tensors.Mask(mask),
            "key point": tv_tensors.KeyPoints([[float(PLACE), 100.0]], canvas_size=(TALL, WIDE)),
            "box": tv_tensors.BoundingBoxes([[PLACE - 64, 0, PLACE + 65, TALL]], format="XYXY", canvas_size=(TALL, WIDE),
                                            dtype=torch.float32)}


def columns(things):
    """Where each of the four says the middle of the thing is, pixels counted from the middle of the first."""
    def centre(row):
        row = row.double()
        return ((row * torch.arange(len(row))).sum() / row.sum()).item()
    box = things["box"][0]
    return {"picture": centre(things["picture"][0, 0]), "box": (box[0] + box[2]).item() / 2 - 0.5,
            "key point": things["key point"][0, 0].item(), "mask": centre(things["mask"][0, 0])}


resize, flip = v2.Resize((COLUMNS // 2, COLUMNS), antialias=True), v2.RandomHorizontalFlip(1.0)
ways = {"untouched": [], "flip": [flip], "resize": [resize], "flip, resize": [flip, resize], "resize, flip": [resize, flip],
        "rotation by 180": [v2.RandomRotation((180, 180))]}
print(f"torchvision {torchvision.__version__}, torch {torch.__version__}")
print("Expected: four equal numbers in each row, and the rows 'flip, resize' and 'resize, flip' the same.")
print("Seen: " + " " * 16 + "".join(f"{name:>11}" for name in ("picture", "box", "key point", "mask")))
seen = {}
for name, transforms in ways.items():
    things = thing()
    for transform in transforms:
        things = transform(things)
    seen[name] = columns(things)
    print(f"      {name:16}" + "".join(f"{value:11.3f}" for value in seen[name].values()))

off = {way: {kind: value - at["picture"] for kind, value in at.items()} for way, at in seen.items()}
must(all(abs(way["box"]) < 0.001 for way in off.values()), "boxes leave the picture, too")
must(abs(seen["flip, resize"]["picture"] - seen["resize, flip"]["picture"]) < 0.001, "the picture depends on the order")
must(abs(off["flip"]["key point"]) < 0.001 and abs(off["resize"]["key point"] - 0.469) < 0.001, "resized key points agree")
must(abs(off["flip, resize"]["key point"] - 0.469) < 0.001, "flipped and resized key points agree")
must(abs(off["resize, flip"]["key point"] + 0.469) < 0.001, "resized and flipped key points agree")
must(abs(off["rotation by 180"]["key point"] - 1) < 0.001, "turned key points agree")
must(abs(off["resize"]["mask"] - 0.469) < 0.001 and abs(off["resize, flip"]["mask"] + 0.469) < 0.001, "resized masks agree")
apart = (seen["flip, resize"]["key point"] - seen["resize, flip"]["key point"]) * 360 / COLUMNS
print(f"      the key point's two orders are {apart:.1f} degrees of the sphere apart")
must(abs(apart - 3.0) < 0.05, "the two orders are not 3 degrees apart")
PY
