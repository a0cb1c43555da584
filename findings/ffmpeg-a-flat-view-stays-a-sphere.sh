#!/usr/bin/env bash
# ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1): an equirectangular, top-bottom 3D video (Spherical Video V1 in a uuid
# box, which ffmpeg reads) is turned by filters into something else and written to Matroska. Expected: v360,
# whose only work is to change the projection, and stereo3d, whose only work is to change the 3D layout,
# change or drop the statement with the picture; or re-encoding drops it. Seen: "Spherical Mapping:
# equirectangular" and "Stereo 3D: top and bottom" are carried through every filter into the new file: a flat
# 90 degree view, an EAC cube map, a fisheye, one eye made by stereo3d=abl:ml, a crop. WebM is the same. Why
# it matters: players wrap a flat view round the viewer, and data pipelines that trust the header take
# perspective crops or cube maps for whole spheres, and one eye for two. It is the reverse of the better known
# loss of the statement in MP4. Sources: ffmpeg's documentation of v360 ("Convert 360 videos between various
# formats") and stereo3d ("Convert between different stereoscopic image formats"); RFC 9559, elements
# Projection and StereoMode.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install imageio-ffmpeg==0.8.1
cat > t.py <<'P'
import re, struct, subprocess, sys
import imageio_ffmpeg

FF = imageio_ffmpeg.get_ffmpeg_exe()
run = lambda *a: subprocess.run([FF, "-y", "-v", "error", *a], check=True)
print(subprocess.run([FF, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
run("-f", "lavfi", "-i", "testsrc2=s=256x128:r=10:d=1", "-c:v", "libx264", "-pix_fmt", "yuv420p", "flat.mp4")
g = "GSpherical:"
tags = dict(Spherical="true", Stitched="true", StitchingSoftware="none", ProjectionType="equirectangular",
            StereoMode="top-bottom")
xml = ('<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
       'xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">'
       + "".join("<%s%s>%s</%s%s>" % (g, k, v, g, k) for k, v in tags.items()) + "</rdf:SphericalVideo>").encode()
box = struct.pack(">I4s", 24 + len(xml), b"uuid") + bytes.fromhex("ffcc8263f8554a938814587a02521fdd") + xml
data = bytearray(open("flat.mp4", "rb").read())
moov = data.rindex(b"moov") - 4                                      # behind mdat: offsets stay right
trak = data.index(b"trak", moov) - 4
assert data.index(b"mdat") < moov
end = trak + struct.unpack_from(">I", data, trak)[0]
data[end:end] = box
for at in (moov, trak):
    struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + len(box))
open("sphere.mp4", "wb").write(data)

def says(path):
    text = subprocess.run([FF, "-hide_banner", "-i", path], capture_output=True, text=True).stderr
    sphere = re.search(r"Spherical Mapping: (\S+)", text)
    stereo = re.search(r"Stereo 3D: ([^,]+),", text)
    return (sphere and sphere[1], stereo and stereo[1])

whole = ("equirectangular", "top and bottom")
if says("sphere.mp4") != whole:
    sys.exit("CHANGED: the input is read as %s" % (says("sphere.mp4"),))
cases = {"v360=e:flat:in_stereo=tb:out_stereo=2d:w=64:h=64": "a flat view of one eye",
         "v360=e:eac:in_stereo=tb:out_stereo=2d:w=96:h=64": "an EAC cube map of one eye",
         "v360=e:fisheye:in_stereo=tb:out_stereo=2d:w=64:h=64": "a fisheye of one eye",
         "stereo3d=abl:ml": "one eye", "crop=64:64:10:10": "a crop"}
print("expected: not '%s' and '%s' for any of these" % whole)
kept = 0
for graph, what in cases.items():
    for name in ("out.mkv", "out.webm"):
        run("-i", "sphere.mp4", "-vf", graph, name)
        kept += says(name) == whole
        print("seen, %s (%s), %s: %s, %s" % ((graph, what, name) + says(name)))
if kept != 2 * len(cases):
    sys.exit("CHANGED: %d of %d outputs say so" % (kept, 2 * len(cases)))
print("still so")
P
nice -n 15 v/bin/python t.py
