#!/usr/bin/env bash
# libsndfile 1.2.2 (soundfile 0.14.0) writes W Y Z X as ALAC, 24 bit, in CAF; ffmpeg 9.0.2 (imageio-ffmpeg
# 0.8.1) and PyAV 18.1.0 (libavcodec 62) read it. Expected: a lossless codec gives the same samples in the
# same order to everybody. Seen: every sample is exact, but the order is Y Z W X, without a word: libsndfile
# codes the channels as they come and reads them so; libavcodec takes ALAC's four coded channels for C L R Cs
# and gives out L R C Cs, "4.0". Besides, the end is cut: of 48000 samples ffmpeg reads 46848, 1152 fewer,
# which is just what is missing in the last packet of 4096. Why it matters: levels of single channels agree
# and libsndfile's own round trip is right, so tests pass, while a data set stored so (ALAC is what Apple's
# tools play) is read with Y as W. CAF of PCM keeps order and length. Sources: Apple's description of the ALAC
# magic cookie (channel layout tags; for four channels MPEG 4.0 B: C L R Cs); libsndfile's list of formats
# (CAF with ALAC of 16 to 32 bit).
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install imageio-ffmpeg==0.8.1 numpy==2.4.6 soundfile==0.14.0 av==18.1.0
cat > t.py <<'P'
import subprocess, sys
import av, imageio_ffmpeg, numpy as np, soundfile as sf

FF = imageio_ffmpeg.get_ffmpeg_exe()
print("libsndfile", sf.__libsndfile_version__, "PyAV", av.__version__,
      subprocess.run([FF, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
x = np.random.default_rng(0).integers(-2 ** 20, 2 ** 20, (48000, 4), dtype=np.int32) * 256    # 24 bit

def order(y):
    """Which channel of the source each channel is, sample for sample."""
    names = (next(("WYZX"[k] for k in range(4) if np.array_equal(c, x[:len(c), k])), "?") for c in y.T)
    return "%s (%d samples)" % (" ".join(names), len(y))

def by_ffmpeg(path):
    raw = subprocess.run([FF, "-v", "warning", "-i", path, "-f", "s32le", "-"], check=True, capture_output=True)
    print("   ffmpeg says on stderr: %r" % raw.stderr.decode())
    return np.frombuffer(raw.stdout, np.int32).reshape(-1, 4)

def by_pyav(path):
    with av.open(path) as c:
        return np.concatenate([f.to_ndarray().reshape(4, -1) for f in c.decode(audio=0)], 1).T

sf.write("a.caf", x, 48000, format="CAF", subtype="ALAC_24")
sf.write("p.caf", x, 48000, format="CAF", subtype="PCM_24")
print("expected: W Y Z X (48000 samples) from all")
seen = [order(sf.read("a.caf", dtype="int32")[0]), order(by_ffmpeg("a.caf")), order(by_pyav("a.caf")),
        order(by_ffmpeg("p.caf"))]
print("seen: libsndfile %s; ffmpeg %s; PyAV %s; ffmpeg, PCM in CAF %s" % tuple(seen))
if seen[0] != "W Y Z X (48000 samples)" or seen[3] != seen[0]:
    sys.exit("CHANGED: the controls are not exact")
if [v.split(" (")[0] for v in seen[1:3]] != ["Y Z W X"] * 2:
    sys.exit("CHANGED: another order")
if "(46848 " not in seen[1]:
    sys.exit("CHANGED: ffmpeg reads another number of samples")
print("still so")
P
nice -n 15 v/bin/python t.py
