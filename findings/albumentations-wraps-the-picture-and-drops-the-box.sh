#!/usr/bin/env bash
# albumentations 2.0.8 turns a panorama: Affine with a shift of the columns and border_mode=cv2.BORDER_WRAP, so that what leaves
# at the right comes in at the left, with bounding boxes and key points along. Expected: they come in at the left with the
# picture (as they do in its reflecting border modes, where the library adds the mirrored ones), or a refusal. Seen: the picture
# wraps, a box that goes over the edge whole is dropped together with its label, one that goes over in part is cut, and a key
# point stays outside of the picture (column 239.5 of 200) or is dropped by the default remove_invisible=True; no warning.
# ShiftScaleRotate does the same. With yaw as augmentation of 360 video, whatever is pushed over the seam becomes
# background: half a turn takes the boxes of one half of the sphere away. The mask of the same call is right.
# Source: albumentations' documentation of bboxes and keypoints: targets are transformed together with the image.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile --disable-pip-version-check albumentations==2.0.8 numpy==2.4.6 opencv-python-headless==5.0.0.93
cd "$work"
NO_ALBUMENTATIONS_UPDATE=1 "$work/venv/bin/python" -W ignore - <<'PY'
import sys

import albumentations as A
import cv2
import numpy as np


def must(holds, what):
    if not holds:
        sys.exit(f"CHANGED: {what}")


HIGH, WIDE = 100, 200


def turned(transform, left, right, **key_points):
    """The columns where the thing at left..right is after the transform in picture and mask, boxes, labels, key points."""
    picture, mask = np.zeros((HIGH, WIDE, 3), np.uint8), np.zeros((HIGH, WIDE), np.uint8)
    picture[40:60, left:right], mask[40:60, left:right] = 255, 1
    both = A.Compose([transform], seed=0, bbox_params=A.BboxParams(format="pascal_voc", label_fields=["names"]),
                     keypoint_params=A.KeypointParams(format="xy", **key_points))
    out = both(image=picture, mask=mask, bboxes=[[left, 40, right, 60]], names=["dog"],
               keypoints=[((left + right - 1) / 2, 49.5)])
    where = [set(np.flatnonzero(layer.max(axis=0)).tolist()) for layer in (out["image"][..., 0], out["mask"])]
    return *where, np.asarray(out["bboxes"]).round(2).tolist(), list(out["names"]), np.asarray(out["keypoints"]).tolist()


def shift(columns, border):
    return A.Affine(translate_px={"x": (columns, columns), "y": (0, 0)}, border_mode=border, p=1)


print(f"albumentations {A.__version__}, OpenCV {cv2.__version__}; a dog at columns 150 to 170 of {WIDE}, turned by 80")
print("Expected: picture, mask, box and key point at columns 30 to 50.")
slide = A.ShiftScaleRotate(shift_limit_x=(0.4, 0.4), shift_limit_y=(0, 0), scale_limit=0, rotate_limit=0,
                           border_mode=cv2.BORDER_WRAP, p=1)
for name, transform in {"Affine": shift(80, cv2.BORDER_WRAP), "ShiftScaleRotate": slide}.items():
    picture, mask, boxes, names, points = turned(transform, 150, 170, remove_invisible=False)
    print(f"Seen: {name}: picture {min(picture)}..{max(picture)}, mask {min(mask)}..{max(mask)}, boxes {boxes}, names {names}, "
          f"key points {points}")
    must(picture == mask == set(range(30, 50)), "picture and mask do not wrap")
    must(boxes == [] and names == [], "the box is kept")
    must(len(points) == 1 and abs(points[0][0] - 239.5) < 0.01, "the key point comes in")
must(turned(shift(80, cv2.BORDER_WRAP), 150, 170)[4] == [], "the key point is kept by default")

picture, _, boxes, _, _ = turned(shift(40, cv2.BORDER_WRAP), 150, 170)
print(f"Seen: turned by 40, half over the edge: picture at {sorted(picture)[0]}..9 and 190..{sorted(picture)[-1]}, boxes {boxes}")
must(picture == {*range(10), *range(190, 200)} and boxes == [[190, 40, 200, 60]], "a box over the edge is not just cut")

picture = turned(shift(80, cv2.BORDER_REFLECT_101), 20, 40)[0]
_, _, mirrored, names, _ = turned(shift(80, cv2.BORDER_REFLECT_101), 20, 40)
print(f"Seen: BORDER_REFLECT_101, a dog at 20..40: picture at {len(picture)} columns, boxes {mirrored}, names {names}")
must(len(picture) == 40 and len(mirrored) == 2 and names == ["dog", "dog"], "mirrored boxes are not added either")
PY
