#!/usr/bin/env bash
# ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1), v360=e:c3x2: a panorama becomes a cube map of three columns and two rows. Its faces are, by
# default, right, left, up / down, front, back, just as in the cube map that Spherical Video V2 (cbmp, layout 0) and ffmpeg's own
# side data (AV_SPHERICAL_CUBEMAP) define, which is the only one that MP4 and Matroska can state. Expected: it is that cube map. Seen:
# up and down are turned by half a turn. The definition says of the up face that its top is to the front, of the down face that
# its top is to the back; v360 has the back at the top of up and the front at the top of down. With out_frot=002200 it is as
# defined, and a cube map made to the definition needs in_frot=002200. The four faces of the horizon are right, so it looks well until
# one looks up: what is overhead in front is then overhead behind, and no edge of up and down meets its neighbour. Why it matters: cube
# maps that go by the header (players, loaders, a detector on faces) put ceiling and floor, with all that is heard there, half a turn
# away. eac, YouTube's kind, has its own turns and is not meant here. Sources: google/spatial-media, docs/spherical-video-v2-rfc.md,
# "Cubemap Projection Box"; libavutil/spherical.h on AV_SPHERICAL_CUBEMAP; ffmpeg's documentation of v360 (c3x2, out_forder, out_frot).
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install imageio-ffmpeg==0.8.1 numpy==2.4.6
cat > t.py <<'P'
import subprocess, sys
import imageio_ffmpeg, numpy as np

FF = imageio_ffmpeg.get_ffmpeg_exe()
print(subprocess.run([FF, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
WIDTH, HEIGHT, FACE = 512, 256, 128
AXES = {"front": (1, 0, 0), "back": (-1, 0, 0), "left": (0, 1, 0), "right": (0, -1, 0), "up": (0, 0, 1), "down": (0, 0, -1)}
NAMES = ["right", "left", "up", "down", "front", "back"]  # layout 0, row by row
TOP = {"right": "up", "left": "up", "front": "up", "back": "up", "up": "front", "down": "back"}  # what the definition has there

azimuth = np.pi - 2 * np.pi * (np.arange(WIDTH) + 0.5) / WIDTH
elevation = np.pi / 2 - np.pi * (np.arange(HEIGHT) + 0.5) / HEIGHT
a, e = np.meshgrid(azimuth, elevation)
panorama = np.stack([np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), np.sin(e)], -1)  # each pixel's colour is its direction
coded = ((panorama + 1) * 127.5).round().astype(np.uint8)


def through(picture, height, width, filters):
    command = [FF, "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "%dx%d" % picture.shape[1::-1], "-i", "-"]
    command += ["-vf", "format=gbrp," + filters, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    out = subprocess.run(command, input=picture.tobytes(), capture_output=True, check=True).stdout
    return np.frombuffer(out, np.uint8).reshape(height, width, 3)


def nearest(direction, but=()):
    return max((name for name in AXES if name not in but), key=lambda name: np.dot(AXES[name], direction))


def tops(cube):
    """For each face by its place: which way it looks, and which way lies beyond its top edge."""
    seen = {}
    for i, name in enumerate(NAMES):
        face = cube[i // 3 * FACE : (i // 3 + 1) * FACE, i % 3 * FACE : (i % 3 + 1) * FACE] / 127.5 - 1
        looks = nearest(face[FACE // 2, FACE // 2])
        if looks != name:
            sys.exit("CHANGED: the %s face is where %s was" % (looks, name))
        seen[name] = nearest(face[1, FACE // 2], but=(looks,))
    return seen


default = through(coded, 2 * FACE, 3 * FACE, "v360=e:c3x2:w=384:h=256")
turned = through(coded, 2 * FACE, 3 * FACE, "v360=e:c3x2:out_frot=002200:w=384:h=256")
seen, fixed = tops(default), tops(turned)
print("expected beyond the top of", TOP)
print("seen, v360=e:c3x2         ", seen)
print("out_frot=002200           ", fixed)
if fixed != TOP:
    sys.exit("CHANGED: with out_frot=002200 it is not the defined cube map")
if seen != {**TOP, "up": "back", "down": "front"}:
    sys.exit("CHANGED: v360's default is not turned at up and down alone")

# A cube map made to the definition, read by v360's default: where does a direction high up in front come out?
back = through(turned, HEIGHT, WIDTH, "v360=c3x2:e:w=512:h=256") / 127.5 - 1
row, column = round((90 - 70) / 180 * HEIGHT), WIDTH // 2
print("read as c3x2, the panorama has %s at azimuth 0, elevation 70; it should be %s"
      % (back[row, column].round(1), panorama[row, column].round(1)))
if np.dot(back[row, column], panorama[row, column]) > 0.9:
    sys.exit("CHANGED: what is high up in front stays there")
print("still so")
P
nice -n 15 v/bin/python t.py
