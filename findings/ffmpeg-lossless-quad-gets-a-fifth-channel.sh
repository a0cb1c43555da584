#!/usr/bin/env bash
# ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1): four channels W Y Z X whose file calls them "quad" (so Vorbis, as in
# YouTube's old format 339, and FLAC come out of ffmpeg) are stored lossless as ALAC in .m4a or as TrueHD.
# Expected: a lossless codec keeps number and order of the channels. Seen: exit status 0, no warning, and FIVE
# channels, W Y 0 Z X: these encoders have no "quad", so a conversion to the next larger layout (5.0 with a
# silent centre) is put in front. FLAC and WavPack of the same input keep four. Why it matters: a reader that
# takes the first four channels gets W, Y, silence and Z in the place of X: a scene without height, whose
# height is in the place of front and back. Sources: ffmpeg's documentation of channel layouts (quad:
# FL+FR+BL+BR, 5.0: FL+FR+FC+BL+BR); "lossless" in the codecs' names.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install imageio-ffmpeg==0.8.1 numpy==2.4.6 soundfile==0.14.0
cat > t.py <<'P'
import subprocess, sys
import imageio_ffmpeg, numpy as np, soundfile as sf

FF = imageio_ffmpeg.get_ffmpeg_exe()
run = lambda *a: subprocess.run([FF, "-y", "-v", "warning", *a], check=True, capture_output=True)
print(subprocess.run([FF, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
TONES = dict(W=300, Y=700, Z=1300, X=2300)
t = np.arange(48000) / 48000
sf.write("in.wav", np.stack([0.2 * np.sin(2 * np.pi * f * t) for f in TONES.values()], 1), 48000)
run("-channel_layout", "quad", "-i", "in.wav", "-c:a", "libvorbis", "in.ogg")

def channels(path):
    run("-i", path, "-c:a", "pcm_f32le", "out.wav")
    out = []
    for x in sf.read("out.wav", always_2d=True)[0].T:
        levels = np.abs(np.fft.rfft(x[:48000], 48000))[list(TONES.values())] / 24000
        out.append(list(TONES)[int(levels.argmax())] if levels.max() > 0.05 else "0")
    return " ".join(out)

print("expected: W Y Z X from each")
seen = {"in.ogg": channels("in.ogg")}
for codec, name in (("alac", "alac.m4a"), ("truehd", "truehd.mka"), ("flac", "flac.mka"), ("wavpack", "wavpack.wv")):
    r = run("-i", "in.ogg", "-strict", "-2", "-c:a", codec, name)
    seen[name] = channels(name)
    print("seen, %s: %s (stderr: %r)" % (name, seen[name], r.stderr.decode().strip()[-70:]))
if any(seen[k] != "W Y Z X" for k in ("in.ogg", "flac.mka", "wavpack.wv")):
    sys.exit("CHANGED: the controls do not keep the four channels")
if any(seen[k] != "W Y 0 Z X" for k in ("alac.m4a", "truehd.mka")):
    sys.exit("CHANGED: ALAC and TrueHD do not get a silent third channel")
print("still so")
P
nice -n 15 v/bin/python t.py
