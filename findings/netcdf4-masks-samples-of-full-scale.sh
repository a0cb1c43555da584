#!/usr/bin/env bash
# netCDF4 1.7.5.1.post1 (Python) writes int16 sound of four channels, W Y Z X, and reads it. No missing value and no fill value is stated
# for the variable, and every sample is written. Expected: the array that was written. Seen: a masked array in which every sample of
# -32767 is "missing": it is the library's own fill value for two-byte integers, and it is also negative full scale for everything
# that scales floats by 32767; +32767 stays. So loud clips only, and of those the negative peaks only: a full-scale square wave loses
# its whole lower half, its mean, 0, becomes +32767 and its deviation 0; of clipped ambisonics W loses samples that X keeps, and the
# azimuth of the mean intensity of a loud clip goes from 47.5 to 53.7 degrees. xarray reads the same file unmasked (engine netcdf4),
# and so does set_auto_mask(False). Why it matters: quiet test clips pass; statistics of loud ones are wrong without a word, and
# differ between two readers of one file. Source: netCDF4's documentation of Variable.set_auto_mask: masked is what equals the
# _FillValue or missing_value attribute (half a sentence says that the former has a default for each type; here neither is there).
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install netCDF4==1.7.5.1.post1 xarray==2026.9.0 numpy==2.4.6
cat > t.py <<'P'
import importlib.metadata, sys
import numpy as np, netCDF4, xarray as xr

print("netCDF4", importlib.metadata.version("netCDF4"))
rng = np.random.default_rng(1)
az = np.radians(60)
foa = (np.array([[1], [np.sin(az)], [0], [np.cos(az)]]) * rng.standard_normal(48000) * 1.2)
foa[1] += 0.3 * np.minimum(foa[0], 0) ** 2  # a room: something at the side whenever the source swings down
clip = (np.clip(foa, -1, 1) * 32767).round().astype("i2")
square = np.where(np.arange(4800) // 24 % 2, 32767, -32767).astype("i2")
with netCDF4.Dataset("a.nc", "w") as f:
    for name, x in (("clip", clip), ("square", square)):
        dims = [f.createDimension(name + str(i), n).name for i, n in enumerate(x.shape)]
        f.createVariable(name, x.dtype, dims)[:] = x

def azimuth(x):
    w, y, z, x = (c.astype("f8") for c in x)
    return float(np.degrees(np.arctan2((w * y).mean(), (w * x).mean())))

with netCDF4.Dataset("a.nc") as f:
    stated = [a for v in f.variables.values() for a in v.ncattrs()]
    c, s = f["clip"][:], f["square"][:]
    f.set_auto_mask(False)
    plain = f["clip"][:]
x = xr.open_dataset("a.nc", engine="netcdf4")["clip"].values
lost, low = int(np.ma.count_masked(c)), int((clip == -32767).sum())
print("attributes stated:", stated)
print("expected: 0 of %d samples missing; square wave mean 0, deviation 32767; azimuth %.1f" % (clip.size, azimuth(clip)))
print("seen: %d missing (%d samples are -32767); square wave mean %.0f, deviation %.0f; azimuth %.1f" % (
    lost, low, s.mean(), s.std(), azimuth(c)))
print("seen by xarray, and unmasked: %s, %s" % ((x == clip).all(), (plain == clip).all()))
if stated or not ((x == clip).all() and (plain == clip).all()):
    sys.exit("CHANGED: the controls do not give what was written")
if not lost or lost != low or s.mean() != 32767 or s.std() != 0:
    sys.exit("CHANGED: samples of -32767 are no longer missing")
if abs(azimuth(c) - azimuth(clip)) < 2:
    sys.exit("CHANGED: the direction stays")
print("still so")
P
nice -n 15 v/bin/python t.py
