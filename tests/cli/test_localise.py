"""`yt360 localise`: from a file to maps."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Command
from tests.inference.scenes import in_form, model_folder
from yt360.media.inspect import inspect_media


def test_a_file_becomes_table_picture_and_a_sphere_with_sound(command: Command, tmp_path: Path) -> None:
    scene = in_form(tmp_path / "scene.mp4")
    folder = model_folder(tmp_path / "model")
    out = tmp_path / "out"
    code, said, err = command("localise", scene, "--model", folder, "--out", out, "--around", 6, "--elevation", 0)
    assert code == 0, err
    assert "5 maps of 6 directions (30 rows)" in said
    assert (out / "localisation.png").read_bytes()[:4] == b"\x89PNG"
    found = inspect_media(out / "localisation.mp4")
    assert found.picture is not None
    assert found.info is not None
    assert found.info.metadata.picture().projection == "equirectangular"
    assert found.info.audios[0].channels == 2
    assert abs(found.info.duration_s - 3.0) < 0.2
    assert sorted(path.name for path in out.iterdir()) == [
        "localisation.mp4", "localisation.parquet", "localisation.png",
    ]  # fmt: skip
