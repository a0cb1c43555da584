#!/usr/bin/env bash
# xarray 2026.9.0 (open_zarr) reads int16 sound and whole-number labels from a Zarr store that zarr 3.1.6 wrote in format 2, the
# one that other readers and older tools know, with zarr's own fill_value, 0. Expected: the integers of the store, as zarr and as
# xarray for the same arrays in format 3 give them. Seen: the arrays are float32 and every 0 is NaN, without a word: xarray takes the
# value of chunks that were never written for a mark of missing data. All chunks are written here. xarray's own means skip NaN, so
# the root mean square of a clip with 75 % digital silence is 6.02 dB too high (numpy on the same array says NaN), the label of class
# 0 and azimuth 0 (straight ahead) are gone, and a mean azimuth of sources in front and at 60 degrees, 30, is 60. Which of the two is
# read depends on the format of the store alone. mask_and_scale=False gives the integers. Why it matters: silence and straight
# ahead are data; sets converted from format 2 to 3 change their statistics. Sources: Zarr's version 2 specification (fill_value is
# the value of portions never written, nothing of missing data); xarray's open_zarr: mask_and_scale is about the _FillValue of a
# variable's attributes, which are empty here; another parameter's text says that format 2 differs.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install xarray==2026.9.0 zarr==3.1.6 numpy==2.4.6
cat > t.py <<'P'
import sys, warnings
import numpy as np, xarray as xr, zarr

print("xarray", xr.__version__, "zarr", zarr.__version__)
rng = np.random.default_rng(1)
sound = np.zeros((4, 8000), "i2")
sound[:, 2000:4000] = rng.integers(1, 9000, (4, 2000)) * rng.choice([-1, 1], (4, 2000))
labels = {"klass": np.array([0, 1, 2, 0, 3], "i2"), "azimuth": np.array([0, 60, 0, 60], "i2")}
rms = lambda x: float(20 * np.log10(np.sqrt((x.astype("f8") ** 2).mean())))
seen, said = {}, []
for version in (2, 3):
    g = zarr.open_group("s%d" % version, mode="w", zarr_format=version)
    for name, data, dims in [("sound", sound, ["channel", "time"])] + [(k, v, [k + "_row"]) for k, v in labels.items()]:
        a = g.create_array(name, shape=data.shape, dtype=data.dtype, chunks=data.shape,
                           **({"dimension_names": dims} if version == 3 else {}))
        a[:] = data
        if version == 2:
            a.attrs["_ARRAY_DIMENSIONS"] = dims
    with warnings.catch_warnings(record=True) as w:
        warnings.simplefilter("always")
        s = xr.open_zarr("s%d" % version, consolidated=False).load()
        plain = xr.open_zarr("s%d" % version, consolidated=False, mask_and_scale=False).load()
        said += [str(x.message) for x in w if "fill" in str(x.message).lower() or "nan" in str(x.message).lower()]
    assert all((g[k][:] == v).all() for k, v in dict(labels, sound=sound).items())
    assert (plain.sound.values == sound).all()
    seen[version] = dict(dtype=str(s.sound.dtype), fill=int(g["sound"].fill_value), nan=int(np.isnan(s.sound.values.astype("f8")).sum()),
                         rms=rms(s.sound) - rms(sound), klass=s.klass.values.tolist(), azimuth=float(s.azimuth.mean()))
print("expected: int16, no NaN, 0.00 dB, classes [0, 1, 2, 0, 3], mean azimuth 30 from both")
for k, v in seen.items():
    print("seen, format %d: fill_value %d, %s, %d NaN of %d, rms %+.2f dB, classes %s, mean azimuth %.0f" % (
        k, v["fill"], v["dtype"], v["nan"], sound.size, v["rms"], v["klass"], v["azimuth"]))
print("warnings:", len(said))
if seen[3]["dtype"] != "int16" or seen[3]["nan"] or seen[3]["azimuth"] != 30:
    sys.exit("CHANGED: the control, format 3, does not give the integers")
if said or seen[2]["nan"] != int((sound == 0).sum()) or abs(seen[2]["rms"] - 6.02) > 0.05 or seen[2]["azimuth"] != 60:
    sys.exit("CHANGED: format 2 no longer has NaN for 0, or says so")
print("still so")
P
nice -n 15 v/bin/python t.py
