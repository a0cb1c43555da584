"""A root whose folders lie elsewhere is refused when a run begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from yt360.engine import one_device
from yt360.engine.storage import Root
from yt360.errors import UsageError


@pytest.mark.parametrize("name", ["data", "tmp", "shards"])
def test_a_linked_folder_is_refused_when_the_run_begins(tmp_path: Path, name: str) -> None:
    """F21: every item failed, or the run ended in a traceback."""
    (tmp_path / "elsewhere").mkdir()
    root = Root(tmp_path / "root")
    root.create()
    if (root.path / name).exists():
        (root.path / name).rmdir()
    (root.path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="expected a folder on the file system of the root, found a link"):
        root.create()


@pytest.mark.parametrize(
    ("name", "how"),
    [("data/crawl", "a link"), ("data", "mounted"), ("data/crawl", "mounted"), ("data/crawl/a video", "mounted")],
)
def test_a_stage_s_folder_that_lies_elsewhere_is_refused_when_the_run_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, how: str
) -> None:
    """A kind of F21: the run ended in a traceback when the first video was there."""
    root = Root(tmp_path / "root")
    root.create()
    folder = root.path / name
    folder.mkdir(parents=True, exist_ok=True)
    if how == "a link":
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        monkeypatch.setattr(one_device, "mount_points", lambda: [Path("/"), folder.resolve()])
    with pytest.raises(UsageError, match=f"{folder}: expected a folder on the file system of the root, found .*{how}"):
        root.create()


def test_mount_points_are_spelled_as_paths_are(tmp_path: Path) -> None:
    found = one_device.mount_points()
    assert Path("/proc") in found
    assert not [path for path in found if "\\0" in str(path)]
