#!/usr/bin/env bash
# STRAUSS 1.0.3 (sonification of data; renders to ambisonics of any order): the gains of its "ambiX1" to
# "ambiX3" outputs, whose source says ACN and SN3D and cites the AmbiX paper. Expected: order 1 of a frontal
# source W Y Z X = 1 0 0 1, or any common factor of that. Seen: the order of channels and all signs are right,
# W and Z are 1.102 where X and Y are 1 (+.84 dB; in higher orders every channel of degree 0: ACN 0, 2, 6,
# 12). The factor for degree 0 is computed as sqrt(2 - pi / 4) instead of 1: (2 - 1) / (4 pi) of the paper
# lost its brackets. Why it matters: the field passes for AmbiX by eye and by correlation, but the intensity
# vector finds a source of elevation 45 degrees at 47.8, and scenes made so, mixed with ambisonics of another
# hand, have an elevation of their own. Source: Nachbar, Zotter, Deleflie and Sontacchi, "AmbiX - a suggested
# ambisonics format" (2011), equation 3.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install numpy==2.4.6 scipy==1.17.1 matplotlib==3.10.8
v/bin/pip -q install --no-deps strauss==1.0.3
cat > t.py <<'P'
import importlib.metadata, importlib.util, pathlib, sys
import numpy as np

# channels.py alone: the package's own __init__ would need its speech and MIDI libraries, which play no part here
files = importlib.metadata.files("strauss")
path = pathlib.Path(next(f for f in files if str(f) == "strauss/channels.py").locate())
spec = importlib.util.spec_from_file_location("channels", path)
channels = importlib.util.module_from_spec(spec)
spec.loader.exec_module(channels)
print("strauss", importlib.metadata.version("strauss"))

def gains(order, azimuth, elevation):
    """One number a channel of a source of level 1; their polar angle counts from the zenith."""
    mics = channels.audio_channels(f"ambiX{order}").mics
    return np.array([float(m.antenna(np.radians(azimuth), np.radians(90 - elevation))) for m in mics])

def sn3d(azimuth, elevation):
    a, e = np.radians([azimuth, elevation])
    return np.array([1, np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])

factor = np.sqrt(2 - np.pi / 4)
for place in ((0, 0), (90, 0), (0, 90), (30, 45)):
    seen, expected = gains(1, *place), sn3d(*place)
    print("W Y Z X of", place, "expected", expected.round(3) + 0, "seen", seen.round(3) + 0)
    if np.abs(seen - expected * [factor, 1, factor, 1]).max() > 1e-6:
        sys.exit("CHANGED: order 1 is no longer SN3D with W and Z 1.102 times too loud")
w, y, z, x = gains(1, 30, 45)
elevation = np.degrees(np.arctan2(z, np.hypot(x, y)))
print(f"a source at elevation 45 by its intensity: expected 45.0, seen {elevation:.1f}")
if abs(elevation - 47.8) > 0.1:
    sys.exit("CHANGED: a source at 45 degrees is no longer found at 47.8")
third = gains(3, 0, 90)
print("straight up, order 3, ACN 0, 2, 6, 12: expected 1 1 1 1, seen", third[[0, 2, 6, 12]].round(3))
if np.abs(third[[0, 2, 6, 12]] - factor).max() > 1e-6:
    sys.exit("CHANGED: the channels of degree 0 of order 3 are no longer 1.102 times too loud")
print("still so")
P
nice -n 15 v/bin/python t.py
