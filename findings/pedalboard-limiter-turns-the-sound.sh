#!/usr/bin/env bash
# pedalboard 0.9.26: ambisonics of one source at azimuth 60, elevation 12 (W Y Z X), shape (4, n), through
# Limiter and Compressor. Expected: one gain for all channels of an array, as a stereo limiter that is linked
# to keep the image; then the direction stays. Seen: each channel has its own detector and gain; the source
# goes from (60, 12) to about (45, 35) through Limiter, where all four channels come out equally loud, and to
# about (47, 32) through Compressor. BrickwallLimiter, Gain and the filters leave the direction as it is. Why
# it matters: "level the clips" by these is common before training; here it moves every loud source towards
# the diagonal of the nearest octant, the more the louder it is, and time-varying. Source: pedalboard's
# documentation of Limiter and Compressor, which does not say that channels are apart.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install pedalboard==0.9.26 numpy==2.4.6
cat > t.py <<'P'
import sys
import numpy as np, pedalboard as pb

SR = 48000
print("pedalboard", pb.__version__)
az, el = np.radians(60), np.radians(12)
gains = np.array([1, np.sin(az) * np.cos(el), np.sin(el), np.cos(az) * np.cos(el)])
foa = (gains[:, None] * np.random.default_rng(1).standard_normal(2 * SR) * 0.1).astype(np.float32)

def direction(x):
    y, z, x = (x[0] * x[1:]).mean(1)
    return np.degrees([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))])

def angle(a, b):
    u, v = (np.array([np.sin(p) * np.cos(q), np.sin(q), np.cos(p) * np.cos(q)]) for p, q in np.radians([a, b]))
    return float(np.degrees(np.arccos(np.clip(u @ v, -1, 1))))

source = direction(foa)
plugins = {"Gain": pb.Gain(-6), "HighpassFilter": pb.HighpassFilter(200),
           "BrickwallLimiter": pb.BrickwallLimiter() if hasattr(pb, "BrickwallLimiter") else None,
           "Limiter": pb.Limiter(threshold_db=-40), "Compressor": pb.Compressor(threshold_db=-40, ratio=8)}
print("expected: azimuth, elevation %.0f, %.0f from all" % tuple(source))
off = {}
for name, plugin in plugins.items():
    if plugin is not None:
        seen = direction(plugin(foa, SR, reset=True)[:, SR:])
        off[name] = angle(source, seen)
        print("seen, %s: %.0f, %.0f (%.1f degrees off)" % ((name,) + tuple(seen) + (off[name],)))
if max(off[k] for k in off if k not in ("Limiter", "Compressor")) > 1:
    sys.exit("CHANGED: a control turns the sound")
if off["Limiter"] < 20 or off["Compressor"] < 8:
    sys.exit("CHANGED: the direction stays")
print("still so")
P
nice -n 15 v/bin/python t.py
