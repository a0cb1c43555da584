#!/usr/bin/env bash
# ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1), -ss T in front of the input, of AC-3 or MP3 sound in AVI. Expected: the first sample
# is that of T, since seeking is accurate by default and what lies before T is decoded and thrown away; as with PCM in AVI,
# AC-3 in Matroska and -ss behind the input. Seen: T is rounded to the time base of the stream, which in AVI is one packet
# for such sound (32 ms for AC-3, 24 ms for MP3 at 48 kHz), so the cut begins at the nearest whole packet, early or late by
# up to half of it: 16 or 12 ms, without a message, and filling with silence by aresample=async=1:first_pts=0 does not help,
# as the stamps say that the place is right. Why it matters: clips cut at annotated times are off against the picture and
# the labels by another amount each, in both directions, up to 0.4 of a frame of 25 a second. Source: ffmpeg's documentation
# of -ss and -accurate_seek ("this extra segment between the seek point and position will be decoded and discarded").
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install imageio-ffmpeg==0.8.1 numpy==2.4.6
cat > t.py <<'P'
import subprocess, sys
import imageio_ffmpeg, numpy as np

RATE = 48000
ff = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y"]
def run(*options):
    return subprocess.run(ff + list(options), check=True, capture_output=True).stdout
print(subprocess.run([ff[0], "-version"], capture_output=True, text=True).stdout.splitlines()[0])
noise = (0.3 * np.random.default_rng(1).standard_normal((10 * RATE, 2))).clip(-0.99, 0.99)
(noise * 32767).astype("<i2").tofile("noise.raw")
sound = ["-f", "s16le", "-ar", str(RATE), "-ch_layout", "stereo", "-i", "noise.raw"]
run(*sound, "-c:a", "ac3", "-b:a", "448k", "ac3.avi")
run(*sound, "-c:a", "libmp3lame", "-b:a", "256k", "mp3.avi")
run(*sound, "-c:a", "pcm_s16le", "pcm.avi")
run("-i", "ac3.avi", "-c", "copy", "ac3.mka")

def decode(path, before=(), behind=()):
    pcm = run(*before, "-i", path, *behind, "-f", "s16le", "-")
    return np.frombuffer(pcm, "<i2").reshape(-1, 2)[:, 0].astype(float)

def after(whole, cut, start):
    """How many samples behind start the cut begins: where a piece out of its middle lies in the whole."""
    piece, reach = cut[8000:12096], 4000
    area = whole[start + 8000 - reach : start + 12096 + reach]
    return int(np.correlate(area, piece, "valid").argmax()) - reach

times = (1.0, 2.0, 2.005, 2.531, 3.0, 3.149, 4.0, 5.071)
for path, packet in (("ac3.avi", 1536), ("mp3.avi", 1152), ("pcm.avi", 1), ("ac3.mka", None)):
    whole = decode(path)
    starts = [round(time * RATE) for time in times]
    fill = ["-af", "aresample=async=1:first_pts=0"]
    before = [after(whole, decode(path, before=["-ss", str(t)]), s) for t, s in zip(times, starts)]
    filled = [after(whole, decode(path, before=["-ss", str(t)], behind=fill), s) for t, s in zip(times, starts)]
    behind = [after(whole, decode(path, behind=["-ss", str(t)]), s) for t, s in zip(times, starts)]
    print(f"{path}: first sample minus T in samples: -ss before the input {before}, filled {filled}, -ss behind it {behind}")
    if any(behind):
        sys.exit(f"CHANGED: {path} with -ss behind the input")
    if packet is None:
        ok = max(map(abs, filled)) <= 48
    else:
        ok = before == filled == [(start + packet // 2) // packet * packet - start for start in starts]
    if not ok:
        sys.exit(f"CHANGED: {path} with -ss before the input")
print("still so")
P
v/bin/python t.py
