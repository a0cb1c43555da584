#!/usr/bin/env bash
# torch-audiomentations 0.12.0, AddColoredNoise, on a batch (examples, channels, samples) of first-order ambisonics
# (W Y Z X, SN3D). Expected: noise of the drawn level and colour in each channel, independent as the noise of microphones and
# preamplifiers is; it makes a field more diffuse and leaves the direction of the source. Seen: with the default mode,
# "per_example", one and the same noise goes to all four channels (correlation 1.000), scaled to each channel's own level. Signs
# are lost on that way, so it is a second source, as sharp as the first, at its mirror image in front, left and above: for a
# source at (120, 20) at (60, 20), for one at the right behind below at the left in front above. At 6 dB the source is measured 11
# degrees beside its place. With mode="per_channel" the noises are independent. AddGaussianNoise of audiomentations
# (0.43.1, the same for NumPy) adds independent noise always.
# Source: the README of torch-audiomentations names the modes per_batch, per_example and per_channel for what is drawn by chance.
# REUSE_SITE=SITE-PACKAGES takes torch from there instead of installing it (5.5 GB).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
site=$("$work/venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')
if [ -n "${REUSE_SITE:-}" ]; then echo "$REUSE_SITE" > "$site/zz_reuse.pth"; torch=(); else torch=(torch==2.14.1); fi
"$work/venv/bin/pip" install -q --no-compile --disable-pip-version-check "${torch[@]}" torch-audiomentations==0.12.0 torchaudio==2.11.1 \
    audiomentations==0.43.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import torch
from audiomentations import AddGaussianNoise
from torch_audiomentations import AddColoredNoise

RATE = 24000


def must(holds, what):
    if not holds:
        sys.exit(f"CHANGED: {what}")


def direction(foa):
    """(azimuth, elevation in degrees, length of the mean intensity over the energy of W)."""
    w, y, z, x = np.asarray(foa, float)
    v = np.array([x @ w, y @ w, z @ w]) / (w @ w)
    length = np.linalg.norm(v)
    return np.degrees(np.arctan2(v[1], v[0])), np.degrees(np.arcsin(v[2] / length)), length


def likeness(noise):
    """Smallest and largest correlation of two channels."""
    pairs = np.corrcoef(noise)[np.triu_indices(4, 1)]
    return pairs.min(), pairs.max()


torch.manual_seed(0)
azimuth, elevation = np.radians(120), np.radians(20)
gains = [1, np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)]
foa = torch.tensor(np.outer(gains, np.random.default_rng(0).standard_normal(RATE) * 0.1), dtype=torch.float32)[None]
print(f"torch-audiomentations {version('torch-audiomentations')}, torch {torch.__version__}")
print("Expected: correlations of 0 between the channels of the noise, the source at (120, 20).")
noises = {}
for mode in ("per_example", "per_channel"):
    add = AddColoredNoise(min_snr_in_db=6.0, max_snr_in_db=6.0001, min_f_decay=0.0, max_f_decay=0.0001, mode=mode, p=1.0,
                          sample_rate=RATE, output_type="dict")
    out = add(foa, sample_rate=RATE).samples[0]
    noises[mode] = (out - foa[0]).numpy()
    print("Seen: {:12} correlations {:.3f} to {:.3f}; source measured at ({:.1f}, {:.1f}), length {:.2f}".format(
        mode, *likeness(noises[mode]), *direction(out)))
    if mode == "per_example":
        where, moved = direction(noises[mode]), direction(out)
behind = torch.tensor([1.0, -0.5, -0.6, -0.62])[:, None] * foa[:, :1]                  # right, below, behind
torch.manual_seed(0)
add = AddColoredNoise(min_snr_in_db=6.0, max_snr_in_db=6.0001, p=1.0, sample_rate=RATE, output_type="dict")
mirror = direction(add(behind, sample_rate=RATE).samples[0] - behind[0])
print("Seen: for a source at ({:.1f}, {:.1f}) the noise is at ({:.1f}, {:.1f})".format(*direction(behind[0])[:2], *mirror[:2]))
must(0 < mirror[0] < 90 and mirror[1] > 0, "the noise is not in front, left, above")
print("Seen: the noise of per_example is at ({:.1f}, {:.1f}), length {:.2f}".format(*where))
must(likeness(noises["per_example"])[0] > 0.999, "per_example noise is independent")
must(np.allclose(where, (60, 20, 1), atol=0.2), "the noise is elsewhere")
must(moved[0] < 110, "the source stays")
must(abs(np.array(likeness(noises["per_channel"]))).max() < 0.05, "per_channel noise is not independent")

add = AddGaussianNoise(min_amplitude=0.05, max_amplitude=0.05, p=1.0)
noise = add(foa[0].numpy(), RATE) - foa[0].numpy()
print("Seen: audiomentations' AddGaussianNoise: correlations {:.3f} to {:.3f}".format(*likeness(noise)))
must(abs(np.array(likeness(noise))).max() < 0.05, "AddGaussianNoise is not independent")
PY
