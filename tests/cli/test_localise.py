"""`yt360 localise`: from a file to maps."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

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
    assert found.info.duration_s == pytest.approx(3.0, abs=0.2)
    assert sorted(path.name for path in out.iterdir()) == [
        "localisation.mp4", "localisation.parquet", "localisation.png",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "command_words", [("localise", "--model", "MODEL", "--out", "OUT"), ("render", "--out", "v.mp4")]
)
def test_a_picture_whose_sound_lies_beside_says_how_to_name_it(
    command: Command, tmp_path: Path, command_words: tuple[str, ...]
) -> None:
    whole = in_form(tmp_path / "whole.mp4")
    with av.open(str(whole)) as media, av.open(str(tmp_path / "v.mp4"), "w") as alone:
        stream = alone.add_stream_from_template(media.streams.video[0])
        for packet in media.demux(media.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                alone.mux(packet)
    (tmp_path / "v.f327.m4a").touch()
    folder = model_folder(tmp_path / "model") if "MODEL" in command_words else tmp_path
    names = {"MODEL": str(folder), "OUT": str(tmp_path / "out"), "v.mp4": str(tmp_path / "view.mp4")}
    words = [names.get(word, word) for word in command_words]
    code, _, err = command(words[0], tmp_path / "v.mp4", *words[1:])
    assert code == 2
    assert f"beside it lies a sound of the same name: give --sound {tmp_path / 'v.f327.m4a'}" in err
