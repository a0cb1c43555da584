from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest
from click.testing import CliRunner

from tests.evaluation.world import make_labelled_root
from tests.training.world import edit_manifest
from yt360.cli.maps import export_command
from yt360.segmentation import ClipMaps, export


def test_maps_of_a_store_are_exported_and_clips_without_them_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_labelled_root(tmp_path / "root", videos=1, clips=2, seconds=1.0)
    store = fsspec.filesystem("memory")
    for path in root.rglob("*.*"):
        store.pipe(f"/export/{path.relative_to(root)}", path.read_bytes())
    written: dict[str, int] = {}

    def note(maps: ClipMaps, folder: Path) -> int:
        written[folder.name] = len(maps)
        return len(maps)

    monkeypatch.setattr(export, "export_clip", note)
    done = CliRunner().invoke(export_command, ["--root", "memory://export", "--out", str(tmp_path / "out")])
    assert done.output.startswith("4 maps of 2 clips in ")
    assert written == {"video000-0": 2, "video000-10": 2}

    edit_manifest(root, lambda rows: rows[1].update(panoptic_offset=None, panoptic_size=None, panoptic_digest=None))
    done = CliRunner().invoke(
        export_command, ["--root", str(root), "--out", str(tmp_path / "out")], standalone_mode=False
    )
    assert done.return_value == 1
    assert "1 clips have no maps" in done.output


@pytest.mark.parametrize("video", ["../outside", "/elsewhere/video", "a/b"])
def test_names_of_a_manifest_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, video: str) -> None:
    """F16: maps were written beside --out, exit code 0."""
    root = make_labelled_root(tmp_path / "root", videos=1, clips=1, seconds=1.0)

    def renamed(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["video"] = video

    edit_manifest(root, renamed)
    folders: list[Path] = []

    def exported(_: object, folder: Path) -> int:
        folders.append(folder)
        return 1

    monkeypatch.setattr(export, "export_clip", exported)
    out = tmp_path / "out"
    done = CliRunner().invoke(export_command, ["--root", str(root), "--out", str(out)])
    assert done.exit_code == 0
    (folder,) = folders
    assert folder.resolve().parent == out.resolve()
