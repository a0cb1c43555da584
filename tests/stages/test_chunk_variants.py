"""Further members of clips: made in the same decode, and the usual ones stay as they are to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from tests.stages.test_chunk import SMALL, chunk, frames_of, make
from yt360 import ambisonics, sphere
from yt360.engine.stage import Done
from yt360.media.containers.metadata import read_metadata
from yt360.stages.chunk import Chunk
from yt360.stages.chunk_settings import ChunkParams, VariantSettings
from yt360.stages.chunk_variants import ClipVariants

VARIANTS = VariantSettings(
    width=256, sample_rate_hz=48000, two_channels="binaural", view_azimuths_deg=(90, -30), view_width=96, view_height=64
)
ALL = SMALL.model_copy(update={"variants": VARIANTS})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Done]:
    folder = tmp_path_factory.mktemp("variants")
    _, files = make(folder, "side_by_side")
    chunk(files, folder / "usual")
    outcome = chunk(files, folder / "all", ALL)
    assert isinstance(outcome, Done)
    return folder / "usual", folder / "all", outcome


def test_the_usual_members_are_those_without_variants(made: tuple[Path, Path, Done]) -> None:
    usual, out, _ = made
    for name in ("v-00000.video.mp4", "v-00000.foa.flac", "v-00002.video.mp4", "v-00002.foa.flac"):
        assert (out / name).read_bytes() == (usual / name).read_bytes()
    assert Chunk(SMALL).keyed_params() == {
        name: value for name, value in Chunk(ALL).keyed_params().items() if name != "variants"
    }


def test_every_variant_is_what_its_facts_say(made: tuple[Path, Path, Done]) -> None:
    _, out, outcome = made
    for child in outcome.children:
        assert set(child.outputs) - {"video", "foa", "json"} == set(child.meta["variants"]) == {
            "large.video", "large.foa", "binaural", "view0.video", "view0.foa", "view0.binaural", "view1.video",
            "view1.foa", "view1.binaural",
        }  # fmt: skip
        for output, facts in child.meta["variants"].items():
            path = out / child.outputs[output]
            Chunk(ALL).check_output(output, path)
            if output.endswith("video"):
                with av.open(str(path)) as container:
                    stream = container.streams.video[0]
                    assert (stream.width, stream.height, stream.frames) == (
                        facts["width"], facts["height"], child.meta["frames"],
                    )  # fmt: skip
            else:
                info = soundfile.info(path)
                assert (info.channels, info.frames, info.samplerate) == (facts["channels"], facts["samples"], 48000)
                assert facts["samples"] == 2 * child.meta["samples"]
                (sound,) = read_metadata(path).sounds
                assert sound.order == (1 if facts["channels"] == 4 else None)
        assert child.meta["variants"]["view1.foa"]["azimuth_deg"] == -30


def test_the_large_picture_is_the_same_sphere_and_a_view_is_none(made: tuple[Path, Path, Done]) -> None:
    _, out, _ = made
    assert read_metadata(out / "v-00000.large.video.mp4").picture().projection == "equirectangular"
    assert read_metadata(out / "v-00000.view0.video.mp4").picture().projection is None
    large = next(frames_of(out / "v-00000.large.video.mp4")).astype(float)
    usual = next(frames_of(out / "v-00000.video.mp4")).astype(float)
    halved = large.reshape(64, 2, 128, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved - usual).mean() < 4
    view = sphere.View(np.pi / 2, 0.0, np.radians(100), 2 * np.arctan(np.tan(np.radians(50)) * 64 / 96))
    cut = sphere.crop(next(frames_of(out / "v-00000.large.video.mp4")), view, (64, 96)).astype(float)
    seen = next(frames_of(out / "v-00000.view0.video.mp4")).astype(float)
    assert np.abs(cut - seen).mean() < 6
    assert np.abs(cut[:, ::-1] - seen).mean() > 10


def test_the_sound_of_a_view_is_turned_with_it_and_the_left_ear_is_at_the_left(made: tuple[Path, Path, Done]) -> None:
    _, out, _ = made

    def sound(name: str) -> np.ndarray:
        return np.asarray(soundfile.read(out / f"v-00000.{name}.flac", dtype="float32")[0].T)

    large = sound("large.foa")
    for number, azimuth_deg in enumerate((90, -30)):
        turned = ambisonics.rotate(large, sphere.view_rotation(np.radians(azimuth_deg), 0.0))
        np.testing.assert_allclose(sound(f"view{number}.foa"), turned, atol=1e-4)
    for name, member in (("", "large"), ("view0.", "view0"), ("view1.", "view1")):
        foa = sound(f"{member}.foa")
        left, right = np.mean(sound(f"{name}binaural") ** 2, axis=1)
        w_y = float(np.mean(foa[0] * foa[1]))
        assert (left > right) == (w_y > 0)


def test_same_input_same_bytes_and_left_out_clips_leave_nothing(tmp_path: Path) -> None:
    _, files = make(tmp_path, "", duration_s=3.0)  # the second clip is too short
    for name in ("one", "two"):
        outcome = chunk(files, tmp_path / name, ALL)
    made = sorted(path.name for path in (tmp_path / "one").glob("v-*"))
    assert made == sorted(name for child in outcome.children for name in child.outputs.values())
    for name in made:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    "wrong",
    [{"width": 30}, {"width": 258}, {"view_fov_deg": 180}, {"view_azimuths_deg": [400]}, {"two_channels": "5.1"}],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ChunkParams.model_validate({"variants": wrong})


def test_what_passes_full_scale_is_lowered_to_it_and_says_by_how_much(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    params = SMALL.model_copy(update={"variants": VariantSettings(two_channels="stereo")})
    made = ClipVariants(params, np.zeros((24000, 4), np.float32), 0.5, tmp_path)
    for peak, own in ((2.0, 0.999 / 2), (0.9, 1.0), (0.9995, 0.999 / 0.9995)):
        sound = rng.uniform(-0.5, 0.5, (2, 2400)).astype(np.float32)
        sound[1, 1200] = -peak
        facts = made._write("x.flac", sound, {}, {})
        assert facts["gain_db"] == pytest.approx(20 * np.log10(0.5 * own), abs=1e-3)
        written, _ = soundfile.read(tmp_path / "x.flac", dtype="float32")
        assert np.abs(written).max() == pytest.approx(peak * own, abs=1e-4)


@pytest.mark.parametrize(
    ("view_width", "fov_deg", "width", "size"),
    [(96, 90, None, (152, 304)), (96, 90, 512, (256, 512)), (640, 20, None, (4096, 8192)), (0, 0, None, None)],
)
def test_views_are_cut_from_a_panorama_that_is_as_fine_and_has_bounds(
    tmp_path: Path, view_width: int, fov_deg: float, width: int | None, size: tuple[int, int] | None
) -> None:
    views: dict[str, Any] = (
        {"view_azimuths_deg": (0,), "view_width": view_width, "view_fov_deg": fov_deg} if view_width else {}
    )
    params = SMALL.model_copy(update={"variants": VariantSettings(width=width, **views)})
    assert ClipVariants(params, np.zeros((1, 4), np.float32), 1.0, tmp_path).size == size
