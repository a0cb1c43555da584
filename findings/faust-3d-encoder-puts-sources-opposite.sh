#!/usr/bin/env bash
# The ambisonic library of Faust (hoa.lib, as DawDreamer 0.9.0 carries it): ho.encoder (flat), ho.encoder3D
# and ho.rEncoder3D of order 1, a source in front, on the left, and above. Expected: one sense of direction in
# one library, W Y Z X = 1 0 0 1, 1 1 0 0, 1 0 1 0, as ACN and SN3D have it and as the flat encoder does.
# Seen: both 3D encoders give 1 0 0 -1, 1 -1 0 0, 1 0 -1 0: each source lies at the opposite point of the
# sphere, front behind, left right, above below. (The library evaluates its polynomials at the cosine of
# elevation + 90 degrees, which is minus the sine of the elevation, and keeps the Condon-Shortley sign.) Order
# and weights are those of AmbiX, so nothing shows in powers, and a decoder of the same library would hide it;
# mixed with anything else, or beside a picture, all is reversed. In second order, whose even terms do not
# change sign, the field is still that of the opposite point. Why it matters: scenes that Faust or DawDreamer
# synthesise as training data have every label wrong by 180 degrees. Sources: hoa.lib's own documentation
# (encoder3D: the angle, the elevation); Nachbar, Zotter, Deleflie and Sontacchi, "AmbiX" (2011).
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install dawdreamer==0.9.0 numpy==2.4.6
cat > t.py <<'P'
import importlib.metadata, sys
import dawdreamer, numpy as np

print("dawdreamer", importlib.metadata.version("dawdreamer"))
RATE = 48000

def heard(process):
    """What a constant of 1 becomes, a number a channel."""
    engine = dawdreamer.RenderEngine(RATE, 512)
    faust = engine.make_faust_processor("faust")
    faust.set_dsp_string('import("stdfaust.lib"); process(x) = ' + process + ";")
    faust.compile()
    source = engine.make_playback_processor("source", np.ones((1, RATE), np.float32))
    engine.load_graph([(source, []), (faust, ["source"])])
    engine.render(0.2)
    return engine.get_audio()[:, 8000].astype(float)

def standard(azimuth, elevation):
    level = np.cos(elevation)
    return np.array([1, np.sin(azimuth) * level, np.sin(elevation), np.cos(azimuth) * level])

places = dict(front=(0, 0), left=(90, 0), above=(0, 90), between=(50, 35))
print("W Y Z X:")
for name, degrees in places.items():
    azimuth, elevation = np.radians(degrees)
    expected = standard(azimuth, elevation)
    opposite = expected * [1, -1, -1, -1]
    fixed = heard(f"ho.encoder3D(1, x, {azimuth:.9f}, {elevation:.9f})")
    turning = heard(f"x : ho.rEncoder3D(1, 0, 0, {azimuth:.9f}, {elevation:.9f}, 0.001)")
    print(f"{name}: expected {(expected + 0).round(2)}, seen {(fixed + 0).round(2)}, {(turning + 0).round(2)}")
    for seen in (fixed, turning):
        if np.abs(seen - opposite).max() > 1e-3:
            sys.exit("CHANGED: the 3D encoders no longer put a source at the opposite point")
    if elevation == 0:
        flat = heard(f"ho.encoder(1, x, {azimuth:.9f})")
        print(f"{name}: expected {expected[[0, 1, 3]].round(2)}, seen {flat.round(2)} from the flat encoder")
        if np.abs(flat - expected[[0, 1, 3]]).max() > 1e-3:
            sys.exit("CHANGED: the flat encoder no longer puts a source where it is")
second = heard("ho.encoder3D(2, x, 0.8726646, 0.6108652)")
again = heard("ho.encoder3D(2, x, 0.8726646 + ma.PI, 0 - 0.6108652)")
if np.sign(second[1:4]).tolist() == np.sign(again[1:4]).tolist() or np.abs(second[4:] - again[4:]).max() > 1e-3:
    sys.exit("CHANGED: second order of a place and of its opposite no longer differ by the first order's sign alone")
print("still so")
P
nice -n 15 v/bin/python t.py
