#!/usr/bin/env bash
# OpenCV 5.0.0 (opencv-contrib-python-headless 5.0.0.93): cv2.omnidir.initUndistortRectifyMap (and
# undistortImage) with RECTIFY_LONGLATI makes a "longitude-latitude" picture of an omnidirectional camera.
# Expected: the equirectangular picture of 360 video: columns are longitude about the vertical axis, rows are
# latitude, poles at top and bottom. Seen: the axis of the poles is the camera's x axis, so the poles are the
# left and the right edge: on the two middle lines it is the same as equirectangular (a test on the horizon or
# straight above passes), but what is at azimuth 45, elevation 45 is drawn 43 columns and 28 rows from its
# place (of 512), at 60, 60 by 98 columns; verticals of a room bend the other way. Why it matters: fisheyes
# unwrapped so and put beside ambisonics or other 360 pictures are wrong by up to tens of degrees off the
# axes, and turning such a picture about the vertical by rolling its columns is no rotation. Sources: OpenCV's
# documentation of the omnidir module and its tutorial (longitude-latitude rectification); Google's Spherical
# Video V2, projection "equi", for 360 video.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install opencv-contrib-python-headless==5.0.0.93 numpy==2.4.6
cat > t.py <<'P'
import sys
import cv2, numpy as np

print("OpenCV", cv2.__version__)
N = 512
K, D, XI = np.array([[300.0, 0, 500], [0, 300, 500], [0, 0, 1]]), np.zeros((1, 4)), 1.0
new = np.array([[N / np.pi, 0, 0], [0, N / np.pi, 0], [0, 0, 1]])    # 180 by 180 degrees, as the tutorial says
mx, my = cv2.omnidir.initUndistortRectifyMap(K, D, np.array([[XI]]), np.eye(3), new, (N, N), cv2.CV_32FC1,
                                             cv2.omnidir.RECTIFY_LONGLATI)

def place(az, el):
    """Column and row whose source pixel is the one where the camera sees this direction (x right, y down)."""
    a, e = np.radians([az, el])
    x, y, z = np.sin(a) * np.cos(e), -np.sin(e), np.cos(a) * np.cos(e)
    u, v = (300 * c / (z + XI) + 500 for c in (x, y))
    row, col = np.unravel_index(np.argmin(np.hypot(mx - u, my - v)), mx.shape)
    return int(col), int(row)

def equirectangular(az, el):
    return N / 2 + az / 180 * N, N / 2 - el / 180 * N

def poles_at_the_sides(az, el):
    a, e = np.radians([az, el])
    x, y, z = np.sin(a) * np.cos(e), -np.sin(e), np.cos(a) * np.cos(e)
    return np.arccos(-x) / np.pi * N, np.arctan2(z, -y) / np.pi * N

worst = 0
for az, el in ((0, 0), (45, 0), (-80, 0), (0, 45), (0, -80), (45, 45), (-45, 45), (60, 60), (30, -60)):
    seen, want, other = place(az, el), equirectangular(az, el), poles_at_the_sides(az, el)
    off = np.hypot(*np.subtract(seen, want))
    print("azimuth %4d, elevation %4d: expected column, row %.0f, %.0f; seen %d, %d" % ((az, el) + want + seen))
    if np.hypot(*np.subtract(seen, other)) > 2:
        sys.exit("CHANGED: poles are not at the sides")
    if az == 0 or el == 0:
        if off > 2:
            sys.exit("CHANGED: the middle lines are off too")
    elif off < 40:
        sys.exit("CHANGED: it is equirectangular")
    worst = max(worst, off)
print("furthest from the equirectangular place: %.0f pixels of %d" % (worst, N))
print("still so")
P
nice -n 15 v/bin/python t.py
