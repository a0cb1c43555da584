#!/usr/bin/env bash
# ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1), -ss T -t 2 in front of the input, to WAV. The sources are AAC alone in MP4 (.m4a),
# and FLAC beside a picture of key frames only (MJPEG) in Matroska. Expected: the two seconds from T on, to the sample, as
# with -ss behind the input: seeking is accurate by default, what lies between the seek point and T is decoded and thrown
# away. Seen: the packet that holds T is not there, the WAV begins with what comes next and has nothing to say so: its first
# sample is up to one packet of AAC (1024 samples, 21 ms), or of FLAC (72 ms seen), after T, how much depends on T, and it
# is shorter by as much. No message. From the same AAC beside H.264 with distant key frames, and from FLAC alone, the cut is
# right, within 8 samples. With aresample=async=1:first_pts=0 the place is right, and what is missing is silence. Why it
# matters: sound cut out of files in this usual way is early against frames, labels and a second file cut at the same T,
# another amount for each cut. Source: ffmpeg's documentation of -ss and -accurate_seek ("this extra segment ... will be
# decoded and discarded").
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
picture = ["-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=10"]
aac, flac = ["-c:a", "aac", "-b:a", "256k"], ["-c:a", "flac"]
run(*sound, *aac, "aac.m4a")
run(*picture, *sound, "-c:v", "libx264", "-g", "50", *aac, "h264+aac.mp4")
run(*sound, *flac, "flac.mka")
run(*picture, *sound, "-c:v", "mjpeg", *flac, "mjpeg+flac.mkv")

def decode(path, before=(), behind=()):
    pcm = run(*before, "-i", path, "-map", "0:a", *behind, "-f", "s16le", "-")
    return np.frombuffer(pcm, "<i2").reshape(-1, 2)[:, 0].astype(float)

def after(whole, cut, start):
    """How many samples behind start the cut begins: where a piece out of its middle lies in the whole."""
    piece, reach = cut[8000:12096], 4000
    area = whole[start + 8000 - reach : start + 12096 + reach]
    return int(np.correlate(area, piece, "valid").argmax()) - reach

times, seen = (1.0, 2.0, 2.52, 3.0, 3.149, 4.0, 5.071, 6.0), {}
for path in ("aac.m4a", "mjpeg+flac.mkv", "h264+aac.mp4", "flac.mka"):
    whole, rows = decode(path), []
    for time in times:
        start, cut = round(time * RATE), ["-ss", str(time), "-t", "2"]
        first = decode(path, before=cut)
        filled = decode(path, before=cut, behind=["-af", "aresample=async=1:first_pts=0"])
        behind = decode(path, behind=cut)
        places = [after(whole, piece, start) for piece in (first, filled, behind)]
        rows.append((places[0], 2 * RATE - len(first), *places[1:]))
    late, short, filled, behind = zip(*rows)
    seen[path] = late, short
    print(f"{path}: -ss before the input: begins {late} samples late, is {short} too short; filled {filled}; -ss behind it {behind}")
    if any(behind) or max(map(abs, filled)) > 24:
        sys.exit(f"CHANGED: {path} with -ss behind the input or filled with silence")
for path, least in (("aac.m4a", 800), ("mjpeg+flac.mkv", 2000)):
    late, short = seen[path]
    if max(late) < least or len(set(late)) < 4 or max(abs(a - b) for a, b in zip(late, short)) > 24:
        sys.exit(f"CHANGED: {path} does not lose its start")
if max(abs(x) for path in ("h264+aac.mp4", "flac.mka") for x in seen[path][0]) > 24:
    sys.exit("CHANGED: the other two are not right")
print("still so")
P
v/bin/python t.py
