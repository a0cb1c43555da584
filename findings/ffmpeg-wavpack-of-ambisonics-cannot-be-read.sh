#!/usr/bin/env bash
# ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1): an Opus file of first-order ambisonics (mapping family 2, layout
# "ambisonic 1", the form of YouTube's format 338) is archived as WavPack, in .wv and in Matroska. Expected: a
# lossless file of four channels, or a refusal as from ffmpeg's ALAC and TrueHD encoders for this layout.
# Seen: exit status 0, a file of the usual size and nothing on stderr at -v warning, yet ffmpeg itself decodes
# not one sample of it ("0 channels", every packet "Invalid argument"), and WavPack's own decoder (wvunpack
# 5.6.0 of Debian) reports errors and returns two channels. The same samples with the layout "quad" come back
# exact. Why it matters: the one layout that says "ambisonics" is the one whose archive is lost, and it is
# noticed only when the original is gone. Sources: "ffmpeg -h encoder=wavpack" (a lossless encoder, no list of
# layouts); RFC 8486 for family 2.
# Needs Debian's package wavpack for the second decoder; that part is left out where it is missing.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install imageio-ffmpeg==0.8.1 numpy==2.4.6 soundfile==0.14.0
cat > t.py <<'P'
import os, shutil, subprocess, sys
import imageio_ffmpeg, numpy as np, soundfile as sf

FF = imageio_ffmpeg.get_ffmpeg_exe()
run = lambda *a: subprocess.run([FF, "-y", "-v", "warning", *a], capture_output=True)
print(subprocess.run([FF, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
t = np.arange(48000) / 48000
sf.write("in.wav", np.stack([0.2 * np.sin(2 * np.pi * f * t) for f in (300, 700, 1300, 2300)], 1), 48000,
         subtype="PCM_24")
run("-channel_layout", "ambisonic 1", "-i", "in.wav", "-c:a", "libopus", "-mapping_family", "2", "in.webm")
samples = lambda path: len(run("-i", path, "-c:a", "pcm_s32le", "-f", "s32le", "-").stdout) // 16
want = samples("in.webm")
print("expected: %d samples of 4 channels out of WavPack" % want)
seen = {}
for name, more in {"a.wv": (), "a.mka": (), "quad.wv": ("-af", "channelmap=0|1|2|3:quad")}.items():
    r = run("-i", "in.webm", *more, "-c:a", "wavpack", name)
    seen[name] = samples(name)
    print("seen, %s: encoder exit %d, stderr %r, %d bytes; ffmpeg reads %d samples"
          % (name, r.returncode, r.stderr.decode()[-80:], os.path.getsize(name), seen[name]))
    if r.returncode:
        sys.exit("CHANGED: the encoder refuses %s" % name)
    if os.path.getsize(name) < 50000:
        sys.exit("CHANGED: the file has no sound in it")
if seen["a.wv"] or seen["a.mka"]:
    sys.exit("CHANGED: ffmpeg reads what it wrote")
if seen["quad.wv"] != want:
    sys.exit("CHANGED: the control with the layout quad is not read either")
if shutil.which("wvunpack"):
    r = subprocess.run(["wvunpack", "-q", "-y", "a.wv", "-o", "w.wav"], capture_output=True)
    channels = sf.info("w.wav").channels if os.path.exists("w.wav") else 0
    print("seen, wvunpack: exit %d, %d channels" % (r.returncode, channels))
    if r.returncode == 0 and channels == 4:
        sys.exit("CHANGED: wvunpack reads it")
print("still so")
P
nice -n 15 v/bin/python t.py
