#!/usr/bin/env bash
# ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1), its own AAC encoder: one pink noise at azimuth -135 (behind, to the
# right), elevation 20, as first-order ambisonics (W Y Z X, ACN/SN3D, labelled "4.0") at 384 kbit/s for four
# channels. Expected: the direction stays, with some coding noise; ISO/IEC 14496-3 lets intensity stereo say
# that the two channels of a pair are in phase or out of phase. Seen: with the encoder's own settings the
# sound above 8 kHz is at +135, behind to the LEFT: Y comes back with its sign turned, with coder twoloop
# (default) and fast alike. With -aac_is 0 (no intensity stereo) it stays on the right. The second decoder
# (FAAD2) hears the turned sign too, in a plain stereo file of opposite channels, so it is in the stream. Why
# it matters: a source on the right is on the left in the highest octave, levels stay plausible, nothing is
# printed; a network for directions learns contradictory cues. Sources: ISO/IEC 14496-3, intensity stereo
# (INTENSITY_HCB and INTENSITY_HCB2: out of phase); "ffmpeg -h encoder=aac" (aac_is: intensity stereo coding,
# default true).
# Needs Debian's package faad for the second decoder; that part is left out where it is missing.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install imageio-ffmpeg==0.8.1 numpy==2.4.6 soundfile==0.14.0
cat > t.py <<'P'
import shutil, subprocess, sys
import imageio_ffmpeg, numpy as np, soundfile as sf

FF, SR = imageio_ffmpeg.get_ffmpeg_exe(), 48000
print(subprocess.run([FF, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
n = 4 * SR
F = np.fft.rfftfreq(1024, 1 / SR)
spectrum = np.fft.rfft(np.random.default_rng(3).standard_normal(n))
pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 80)))
pink *= 0.08 / pink.std()

def coded(gains, layout, rate, *options):
    sf.write("in.wav", pink[:, None] * gains, SR, subtype="PCM_24")
    subprocess.run([FF, "-y", "-v", "error", "-channel_layout", layout, "-i", "in.wav", "-c:a", "aac",
                    "-b:a", rate, *options, "-f", "adts", "out.aac"], check=True)
    raw = subprocess.run([FF, "-v", "error", "-i", "out.aac", "-f", "f32le", "-"], check=True,
                         capture_output=True).stdout
    return np.frombuffer(raw, np.float32).reshape(-1, len(gains))

def azimuth(foa, low, high):
    frames = np.lib.stride_tricks.sliding_window_view(foa, 1024, axis=0)[::512] * np.hanning(1024)
    s = np.fft.rfft(frames)[..., (F >= low) & (F < high)]
    y, _, x = np.real(np.conj(s[:, :1]) * s[:, 1:]).sum((0, 2))
    return float(np.degrees(np.arctan2(y, x)))

az, el = np.radians(-135), np.radians(20)
gains = np.array([1, np.sin(az) * np.cos(el), np.sin(el), np.cos(az) * np.cos(el)])
print("expected: azimuth -135 in every band")
seen = {}
for name, options in {"default": (), "fast": ("-aac_coder", "fast"), "no intensity stereo": ("-aac_is", "0")}.items():
    foa = coded(gains, "4.0", "384k", *options)
    seen[name] = [azimuth(foa, *band) for band in ((200, 4000), (8000, 12000), (12000, 16000))]
    print("seen, %s: azimuth %.0f (0.2-4 kHz), %.0f (8-12 kHz), %.0f (12-16 kHz)" % (name, *seen[name]))

def high_correlation(stereo):
    s = np.fft.rfft(stereo[8192:8192 + 2 * SR].T)[:, 2 * 12000:2 * 16000]
    c = (s[:1] * np.conj(s)).sum(1).real / np.sqrt((abs(s[:1]) ** 2).sum() * (abs(s) ** 2).sum(1))
    return float(c[1])

pair = high_correlation(coded(np.array([1, -0.7]), "stereo", "192k", "-aac_coder", "fast"))
print("seen, stereo of opposite sign, 12-16 kHz: correlation %.2f (in the source -1)" % pair)
other = pair
if shutil.which("faad"):
    subprocess.run(["faad", "-q", "-o", "faad.wav", "out.aac"], check=True, capture_output=True)
    other = high_correlation(sf.read("faad.wav")[0])
    print("seen, the same file decoded by FAAD2: %.2f" % other)
for name in seen:
    if abs(seen[name][0] + 135) > 5:
        sys.exit("CHANGED: low frequencies moved (%s)" % name)
if not all(100 < seen[name][k] < 170 for name in ("default", "fast") for k in (1, 2)):
    sys.exit("CHANGED: the sound stays on the right above 8 kHz")
if not all(-170 < v < -100 for v in seen["no intensity stereo"]):
    sys.exit("CHANGED: -aac_is 0 does not keep the side any more")
if min(pair, other) < 0.8:
    sys.exit("CHANGED: opposite channels stay opposite")
print("still so")
P
nice -n 15 v/bin/python t.py
