#!/usr/bin/env bash
# safetensors 0.8.0, safetensors.numpy.save_file, and an array that is a view: soundfile.read() of a four-channel file gives
# (samples, channels), and its .T, (channels, samples), is what every model wants. Expected: the file holds that array
# (0.7.0 did), or an error as safetensors.torch.save_file gives for the same layout. Seen: no error, the shape is (4, n),
# but the bytes are in the order of the memory: every "channel" is a quarter of the time with W, Y, Z, X by turns. A slice of
# every second sample saves the first half of all samples instead. For ambisonics: a plane wave that has one direction
# before has none after loading, with levels and spectra that look like sound.
# Source: the docstring says "Tensors need to be contiguous and dense" and does not say what happens otherwise; the torch
# binding raises ValueError. Reported as safetensors/safetensors issue 825 (a regression of 0.8.0).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6 soundfile==0.14.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys

import numpy as np
import safetensors
import soundfile as sf
from safetensors.numpy import load_file, save_file


def direction(foa):
    """(azimuth, elevation in degrees, length of the mean intensity over the energy of W), of W Y Z X."""
    w, y, z, x = foa.astype(float)
    v = np.array([x @ w, y @ w, z @ w]) / (w @ w)
    r = np.linalg.norm(v)
    return np.degrees(np.arctan2(v[1], v[0])), np.degrees(np.arcsin(v[2] / r)), r


def must(holds, what):
    if not holds:
        sys.exit(f"CHANGED: {what}")


azimuth, elevation = np.radians(120), np.radians(20)
gains = [1, np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)]
source = np.random.default_rng(0).standard_normal(24000) * 0.1
sf.write("foa.wav", np.outer(source, gains), 24000, subtype="FLOAT")
foa = sf.read("foa.wav", dtype="float32")[0].T                      # (4, 24000), as everybody writes it

views = {"transposed": foa, "every second sample": np.ascontiguousarray(foa)[:, ::2]}
print(f"safetensors {safetensors.__version__}, numpy {np.__version__}")
print("Expected: load_file(save_file(a)) equals a, or save_file raises.")
for name, view in views.items():
    save_file({"foa": view}, "foa.safetensors")
    back = load_file("foa.safetensors")["foa"]
    print(f"Seen: {name}: shape {back.shape}, equal: {np.array_equal(back, view)}")
    must(back.shape == view.shape and not np.array_equal(back, view), f"{name} comes back right")

save_file({"foa": foa}, "foa.safetensors")
back = load_file("foa.safetensors")["foa"]
must(np.array_equal(back.ravel(), sf.read("foa.wav", dtype="float32")[0].ravel()), "the bytes are no longer those of the memory")
before, after = direction(foa), direction(back)
print("Seen: direction before: azimuth %.1f, elevation %.1f, length %.3f" % before)
print("      direction after:  azimuth %.1f, elevation %.1f, length %.3f" % after)
must(before[2] > 0.999 and after[2] < 0.1, "the direction survives")

save_file({"foa": np.ascontiguousarray(foa)}, "foa.safetensors")
must(np.array_equal(load_file("foa.safetensors")["foa"], foa), "a contiguous copy does not help either")
print("np.ascontiguousarray before saving is right.")
PY
