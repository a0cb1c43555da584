from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yt360.errors import UsageError
from yt360.filters.audit import sheet
from yt360.filters.audit.sheet import Line, Sheet


def _written(path: Path, *lines: Line) -> Path:
    sheet.write(path, Sheet(7, list(lines)))
    return path


def test_what_was_filled_in_is_read(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.tsv", Line("v1", "stills"), Line("v2", "stills"), Line("v1", "silence"))
    text = path.read_text().splitlines()
    text[2] = text[2].replace("\t\t\t\t", "\tYes\tsome words\t\t")
    text[3] = text[3].replace("\t\t\t\t", "\t?\t\t\t")
    path.write_text("\ufeff" + "\r\n".join(text))
    read = sheet.read(path)
    assert read.seed == 7
    assert read.answers() == {("stills", "v1"): True}
    assert read.unclear() == 1
    assert read.lines[0].note == "some words"


def test_a_verdict_is_not_shown(tmp_path: Path) -> None:
    text = _written(tmp_path / "a.tsv", Line("v1", "stills")).read_text()
    assert "dropped" not in text
    assert "score" not in text


def test_answers_stay_when_questions_are_added() -> None:
    before = Sheet(7, [Line("v1", "stills", "yes")])
    now = sheet.merged(before, 7, [Line("v1", "stills"), Line("v2", "stills")])
    assert [(line.video, line.answer) for line in now.lines] == [("v1", "yes"), ("v2", "")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("\t\t\t\t", "\tmaybe\t\t\t"), r"line 3: expected yes, no"),
        (lambda text: text.replace("\tstills\t", "\tbeauty\t"), r"line 3: expected a video and one of the filters"),
        (lambda text: text.split("\n", 1)[1], r"first line names its seed"),
        (lambda text: text + text.splitlines()[2].replace("\t\t\t\t", "\tno\t\t\t") + "\n", r"two different answers"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, change: Any, words: str) -> None:
    path = _written(tmp_path / "a.tsv", Line("v1", "stills"))
    path.write_text(change(path.read_text()))
    with pytest.raises(UsageError, match=words):
        sheet.read(path)


@given(st.text(max_size=60))
def test_a_title_stays_in_its_cell_and_is_no_formula(tmp_path_factory: pytest.TempPathFactory, title: str) -> None:
    path = _written(tmp_path_factory.mktemp("s") / "a.tsv", Line("v1", "stills", title=title))
    (line,) = sheet.read(path).lines
    assert line.video == "v1"
    assert line.title[:1] not in ("=", "+", "@")


@given(st.binary(max_size=200))
def test_hostile_sheets_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("s") / "a.tsv"
    path.write_bytes(b"# yt360 audit, seed 7.\n" + data)
    try:
        read = sheet.read(path)
    except UsageError:
        return
    assert all(line.filter in sheet.QUESTIONS for line in read.lines)


def test_every_word_for_yes_and_no_is_understood() -> None:
    assert [word for word, answer in sheet.ANSWERS.items() if answer is True] == ["yes", "y", "1", "true"]
    assert [word for word, answer in sheet.ANSWERS.items() if answer is False] == ["no", "n", "0", "false"]
    assert [word for word, answer in sheet.ANSWERS.items() if answer is None] == ["", "?"]
