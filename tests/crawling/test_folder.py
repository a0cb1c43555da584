"""Which files of a folder belong together."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from yt360.crawling.folder import scan_folder
from yt360.errors import UsageError


def _fill(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def _scan(folder: Path) -> dict[str, dict[str, str]]:
    return {
        target.name: {role: Path(path).name for role, path in target.where.items()} for target in scan_folder(folder)
    }


def test_picture_and_sound_of_one_name_are_one_video(tmp_path: Path) -> None:
    _fill(tmp_path, "kqAZkf5Odyw_80.f327.m4a", "kqAZkf5Odyw_80.mp4")
    assert _scan(tmp_path) == {
        "kqAZkf5Odyw_80": {"video_file": "kqAZkf5Odyw_80.mp4", "sound_file": "kqAZkf5Odyw_80.f327.m4a"}
    }


def test_two_webm_of_one_video_are_told_apart_by_format_id(tmp_path: Path) -> None:
    _fill(tmp_path, "AAAAAAAAAAA.f248.webm", "AAAAAAAAAAA.f338.webm")
    assert _scan(tmp_path) == {
        "AAAAAAAAAAA": {"video_file": "AAAAAAAAAAA.f248.webm", "sound_file": "AAAAAAAAAAA.f338.webm"}
    }


def test_two_pictures_of_one_name_are_two_videos(tmp_path: Path) -> None:
    _fill(tmp_path, "a.mp4", "a.webm", "a.wav")
    assert _scan(tmp_path) == {
        "a.mp4": {"video_file": "a.mp4"},
        "a.webm": {"video_file": "a.webm"},
        "a": {"sound_file": "a.wav"},
    }


def test_best_of_several_sounds_is_used_and_the_others_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _fill(tmp_path, "a.f137.mp4", "a.f251.webm", "a.f327.m4a", "a.f338.webm")
    with caplog.at_level(logging.INFO):
        assert _scan(tmp_path) == {"a": {"video_file": "a.f137.mp4", "sound_file": "a.f338.webm"}}
    assert "a.f327.m4a" in caplog.text


def test_single_files_are_videos_too(tmp_path: Path) -> None:
    _fill(tmp_path, "only.mp4", "sound.ogg", "v1.0 final.mp4")
    assert _scan(tmp_path) == {
        "only": {"video_file": "only.mp4"},
        "sound": {"sound_file": "sound.ogg"},
        "v1.0 final": {"video_file": "v1.0 final.mp4"},
    }


def test_other_files_are_left_out_and_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _fill(tmp_path, "a.mp4", "README.md", "a.mp4.part", ".hidden.mp4", ".git/b.mp4", "truth.tsv")
    with caplog.at_level(logging.INFO):
        assert list(_scan(tmp_path)) == ["a"]
    assert caplog.text.count("left out") == 1
    assert "a.mp4.part" in caplog.text
    assert "hidden" not in caplog.text


def test_f17_what_is_no_file_of_its_own_is_left_out_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "videos"
    _fill(folder, "a.mp4")
    _fill(tmp_path / "elsewhere", "real.mp4")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "dangling.mp4").symlink_to(tmp_path / "gone.mp4")
    os.mkfifo(folder / "pipe.mp4")
    with caplog.at_level(logging.INFO):
        assert [target.name for target in scan_folder(folder)] == ["a"]
    assert "linked folders are not looked into (1): linked; name them in crawl.source" in caplog.text
    assert "dangling.mp4: left out: expected a media file, found a link that leads nowhere" in caplog.text
    assert "pipe.mp4: left out: expected a media file, found no regular file" in caplog.text


def test_folders_in_it_are_read_and_names_do_not_clash(tmp_path: Path) -> None:
    _fill(tmp_path, "x/clip.mp4", "y/clip.mp4", "clip.mp4")
    targets = list(scan_folder(tmp_path))
    assert [target.name for target in targets] == ["clip", "x/clip", "y/clip"]
    assert len({target.item().id for target in targets}) == 3


def test_replaced_file_is_another_file(tmp_path: Path) -> None:
    _fill(tmp_path, "a.mp4")
    (before,) = scan_folder(tmp_path)
    os.utime(tmp_path / "a.mp4", ns=(1, 1))
    (after,) = scan_folder(tmp_path)
    assert before.identity != after.identity


def test_empty_folder_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a folder with video or sound files"):
        list(scan_folder(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_folder_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0)
    _fill(tmp_path, "a.mp4")
    with pytest.raises(UsageError, match="expected something that can be read"):
        list(scan_folder(tmp_path))


def test_hostile_names_stay_below_the_root(tmp_path: Path) -> None:
    _fill(tmp_path, "$(reboot);.mp4", "a\u202eb.mp4", "-rf.mp4", "<b>.webm", "..mp4", "x" * 200 + ".mp4")
    for target in scan_folder(tmp_path):
        item = target.item()
        assert "/" not in item.id
        assert "." not in item.id
        assert Path(next(iter(item.hints.values()))).is_file()
