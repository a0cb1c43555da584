#!/usr/bin/env bash
# OpenCV 5.0.0 (opencv-python-headless 5.0.0.93): cv2.fisheye, the Kannala-Brandt model with an ideal
# equidistant lens (D = 0, 300 pixels a radian), and points more than 90 degrees off the axis, which the
# lenses of 360 cameras (190 to 220 degrees) do see. Expected: the model's radius grows with the angle, so 100
# degrees is at 523 pixels from the centre, or an exception or NaN. Seen: projectPoints puts 100 degrees at
# 419 pixels on the OPPOSITE side (where 80 degrees the other way is), for 91 degrees it is 943 pixels from
# the right place; undistortPoints of the pixel where 100 degrees belongs gives a tangent of more than 1e6 on
# the right side instead of anything negative or invalid. No error, no mask. Why it matters: overlap zones of
# two lenses, which stitching and calibration of 360 cameras live on, are mirrored; reprojection errors of
# good calibrations explode there. Sources: J. Kannala, S. Brandt, "A Generic Camera Model and Calibration
# Method for Conventional, Wide-Angle, and Fish-Eye Lenses" (2006): the radius is a polynomial of the angle
# itself; OpenCV's documentation of the fisheye model (theta = atan(r), r from x/z and y/z, which loses the
# sign of z).
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install opencv-python-headless==5.0.0.93 numpy==2.4.6
cat > t.py <<'P'
import sys
import cv2, numpy as np

print("OpenCV", cv2.__version__)
K, D = np.array([[300.0, 0, 0], [0, 300, 0], [0, 0, 1]]), np.zeros(4)

def project(degrees):
    t = np.radians(degrees)
    point = np.array([[[np.sin(t), 0, np.cos(t)]]])
    return float(cv2.fisheye.projectPoints(point, np.zeros(3), np.zeros(3), K, D)[0].ravel()[0])

seen = {a: project(a) for a in (30, 80, 89, 91, 100, 110)}
for a, x in seen.items():
    print("%3d degrees to the right: expected x = %.0f, seen x = %.0f" % (a, 300 * np.radians(a), x))
for a, x in seen.items():
    right, folded = 300 * np.radians(a), -300 * np.radians(180 - a)
    if abs(x - (right if a < 90 else folded)) > 0.5:
        sys.exit("CHANGED: %d degrees is at %.1f" % (a, x))
pixel = np.array([[[300 * np.radians(100), 0.0]]])
back = float(cv2.fisheye.undistortPoints(pixel, K, D).ravel()[0])
print("the pixel of 100 degrees: expected a tangent of %.2f (behind) or something invalid, seen %.3g"
      % (np.tan(np.radians(100)), back))
if not (np.isfinite(back) and back > 1e6):
    sys.exit("CHANGED: undistortPoints gives %.3g" % back)
print("still so")
P
nice -n 15 v/bin/python t.py
