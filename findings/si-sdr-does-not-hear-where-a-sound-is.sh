#!/usr/bin/env bash
# torchmetrics 1.9.0 and fast_bss_eval 0.1.4: how well is the ambisonic scene of one source estimated (four channels, AmbiX), by
# SI-SDR, with three estimates: the source mirrored to the other side, the source behind, and the right scene with noise 20 dB
# below. Expected: the two wrong places score badly. Seen: both score without a limit (140 dB and more in every channel), far
# above the noisy one (10 to 20 dB). SI-SDR fits a gain to each channel by itself, and the gain may be negative; a plane wave is
# the same signal in all four channels, so its direction, which is nothing but those gains, is fitted away, as are FuMa for AmbiX
# and a wrong order. SNR (in the channels that changed) and the image metric (mir_eval 0.8.2, bss_eval_images), which fit no gain,
# are negative. Why it matters: separation and upmixing of ambisonics are reported in SI-SDR, and a network trained on it is free
# to put sounds anywhere. Sources: Le Roux et al. 2019 (SI-SDR); Vincent et al. 2007 (images). torch is taken from REUSE_SITE
# where that is set.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
if [ -n "${REUSE_SITE:-}" ]; then
  echo "import sys; sys.path.append('$REUSE_SITE')" > "$(v/bin/python -c 'import site; print(site.getsitepackages()[0])')/reuse.pth"
else
  v/bin/pip -q install torch==2.14.1
fi
v/bin/pip -q install numpy==2.4.6 scipy==1.17.1 fast_bss_eval==0.1.4 mir_eval==0.8.2 packaging==26.2
v/bin/pip -q install --no-deps torchmetrics==1.9.0 lightning-utilities==0.15.3
cat > t.py <<'P'
import importlib.metadata, sys, warnings
import fast_bss_eval, mir_eval, numpy as np, torch
from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio, signal_noise_ratio

warnings.simplefilter("ignore")
print(*(f"{name} {importlib.metadata.version(name)}" for name in ("torchmetrics", "fast_bss_eval", "mir_eval", "torch")))
rng = np.random.default_rng(0)
signal = rng.normal(size=48000)


def scene(azimuth_deg, elevation_deg):
    a, e = np.radians([azimuth_deg, elevation_deg])
    return signal * np.array([[1], [np.sin(a) * np.cos(e)], [np.sin(e)], [np.cos(a) * np.cos(e)]])


truth = scene(60, 20)
estimates = {
    "mirrored (-60, 20)": scene(-60, 20),
    "behind (-120, -35)": scene(-120, -35),
    "right, noise at -20 dB": truth + 0.1 * rng.normal(size=truth.shape),
}
seen = {}
for name, estimate in estimates.items():
    pair = torch.tensor(estimate), torch.tensor(truth)
    seen[name] = {
        "SI-SDR torchmetrics": scale_invariant_signal_distortion_ratio(*pair).numpy(),
        "SI-SDR fast_bss_eval": np.asarray(fast_bss_eval.si_sdr(truth, estimate)),
        "SNR torchmetrics": signal_noise_ratio(*pair).numpy(),
        "SDR of images mir_eval": mir_eval.separation.bss_eval_images(truth.T[None], estimate.T[None])[0],
    }
    for measure, value in seen[name].items():
        print(f"{name:23} {measure:23} {np.round(value, 1)}")
for name in list(estimates)[:2]:
    if any(seen[name][measure].min() < 100 for measure in seen[name] if measure.startswith("SI")):
        sys.exit("CHANGED: SI-SDR of a scene in the wrong place has a limit")
    if seen[name]["SNR torchmetrics"].min() > 0 or seen[name]["SDR of images mir_eval"].min() > 0:
        sys.exit("CHANGED: SNR or the image metric does not hear the place")
if not all(seen["right, noise at -20 dB"][measure].max() < 25 for measure in seen[name] if measure.startswith("SI")):
    sys.exit("CHANGED: noise costs less")
print("still so")
P
nice -n 15 v/bin/python t.py
