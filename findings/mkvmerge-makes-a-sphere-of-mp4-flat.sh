#!/usr/bin/env bash
# mkvmerge 74.0 (MKVToolNix of Debian 12): a 360 video in MP4, top-bottom and turned by 30 degrees (st3d and sv3d, Spherical Video V2),
# with ambisonics as Opus of mapping family 2, remuxed to Matroska. Expected: mkvmerge knows both sides, since it has options for
# StereoMode and for every element of Projection, so the sphere arrives. Seen: the sound stays ambisonics and the picture becomes a plain
# one of 2:1, without a warning; from Matroska to Matroska mkvmerge keeps all of it. ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1) carries
# it over with -c copy. Why it matters: joining a 360 picture with a better sound is what mkvmerge is used for, and players, YouTube and
# filters of datasets take the result for a flat film whose sound turns. Sources: Spherical Video V2; RFC 9559 (Projection); mkvmerge(1).
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
if ! command -v mkvmerge >/dev/null; then  # Debian's, unpacked here with the libraries that it needs
  mkdir debs system
  (cd debs && apt-get -q download mkvtoolnix=74.0.0-1+deb12u1 $(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts \
    --no-breaks --no-replaces --no-enhances mkvtoolnix | grep '^lib' | grep -v ':' | sort -u) >/dev/null)
  for each in debs/*.deb; do dpkg -x "$each" system; done
  export PATH=$d/system/usr/bin:$PATH LD_LIBRARY_PATH=$d/system/usr/lib/x86_64-linux-gnu:$d/system/lib/x86_64-linux-gnu
fi
python3 -m venv v
v/bin/pip -q install imageio-ffmpeg==0.8.1 numpy==2.4.6
cat > t.py <<'P'
import re, struct, subprocess, sys
import imageio_ffmpeg, numpy as np

FF = imageio_ffmpeg.get_ffmpeg_exe()
for tool in ([FF, "-version"], ["mkvmerge", "--version"]):
    print(subprocess.run(tool, capture_output=True, text=True).stdout.splitlines()[0])


def ffmpeg(*arguments):
    subprocess.run([FF, "-y", "-v", "error", *arguments], check=True)


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def with_boxes(data, path, extra):
    """The file with boxes at the end of the picture's sample entry; its index lies behind the samples, so no offset moves."""
    if not path:
        return data + extra
    skip, at = {b"stsd": 8, b"vp09": 78}.get(path[0], 0), 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == path[0]:
            body = data[at + 8 : at + size]
            return data[:at] + box(kind, body[:skip], with_boxes(body[skip:], path[1:], extra)) + data[at + size :]
        at += size
    sys.exit("no box %r" % path[0])


def told(path):
    """What ffmpeg reads of the picture and of the sound."""
    text = subprocess.run([FF, "-hide_banner", "-i", path], capture_output=True, text=True).stderr
    return {
        "sphere": "Spherical Mapping: equirectangular" in text,
        "stereo": "top and bottom" in text,
        "sound": re.search(r"Audio: opus.*?, (ambisonic 1|[^,]*), fltp", text)[1],
    }


np.random.default_rng(0).normal(0, 0.05, (96000, 4)).astype("<f4").tofile("in.raw")
ffmpeg("-f", "lavfi", "-i", "testsrc2=s=256x128:r=25:d=2", "-f", "f32le", "-ar", "48000", "-ch_layout", "ambisonic 1", "-i", "in.raw",
       "-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-b:v", "200k", "-c:a", "libopus", "-mapping_family", "2", "-b:a", "256k", "plain.mp4")
sphere = box(b"sv3d", box(b"svhd", bytes(4), b"x\0"), box(b"proj", box(b"prhd", bytes(4), struct.pack(">3i", 30 << 16, 0, 0)),
                                                         box(b"equi", bytes(20))))
path = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"vp09"]
open("a.mp4", "wb").write(with_boxes(open("plain.mp4", "rb").read(), path, box(b"st3d", bytes(4), b"\1") + sphere))
ffmpeg("-i", "a.mp4", "-c", "copy", "ffmpeg.mkv")
said = subprocess.run(["mkvmerge", "-o", "mkvmerge.mkv", "a.mp4"], capture_output=True, text=True, check=True).stdout
subprocess.run(["mkvmerge", "-q", "-o", "again.mkv", "ffmpeg.mkv"], check=True)
whole = {"sphere": True, "stereo": True, "sound": "ambisonic 1"}
seen = {name: told(name) for name in ("a.mp4", "ffmpeg.mkv", "again.mkv", "mkvmerge.mkv")}
for name, what in seen.items():
    print(f"{name:13} {what}")
print("mkvmerge warned:", "arning" in said)
if any(seen[name] != whole for name in ("a.mp4", "ffmpeg.mkv", "again.mkv")):
    sys.exit("CHANGED: the sphere does not arrive where it did")
if seen["mkvmerge.mkv"] != {"sphere": False, "stereo": False, "sound": "ambisonic 1"} or "arning" in said:
    sys.exit("CHANGED: mkvmerge keeps the sphere of MP4, or says that it does not")
print("still so")
P
nice -n 15 v/bin/python t.py
