"""The file of labels: many writers, hostile texts, merging, and what `filters evaluate` reads of it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from yt360.errors import UsageError
from yt360.filters.evaluation.label_table import (
    HEADER,
    LABELS,
    Label,
    LabelTable,
    checked,
    forget,
    merged,
    names_any,
    read_label_table,
    write_label,
)
from yt360.filters.evaluation.labels import DISAGREEMENT, WORDS, read_labels


def test_a_label_comes_back_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "labels.tsv"
    given = checked("video1", "still", "ann", 3.456, "nothing\tmoves\n= really\u202e")
    write_label(path, given)
    (found,) = read_label_table(path)
    assert found == Label("video1", "still", "ann", 3.46, given.when, "nothing moves = really")
    assert path.read_text(encoding="utf-8").splitlines()[0] == HEADER


def test_seconds_that_are_no_number_are_none(tmp_path: Path) -> None:
    """The page of labels answered with an error for good: JSON has no such numbers."""
    path = tmp_path / "labels.tsv"
    path.write_text("".join(f"v{text}\tstill\tann\t{text}\n" for text in ("nan", "inf", "-1e999", "soon", "2.5")))
    assert {each.video: each.seconds for each in read_label_table(path) if each.seconds is not None} == {"v2.5": 2.5}


def test_what_is_taken_down_is_spoken_of_no_more(tmp_path: Path) -> None:
    path = tmp_path / "labels.tsv"
    path.write_text("# video\tlabel\nwalk\tstill\nwalk-2\tduplicate\tann\t\t\tof walk, not walk_3\n")
    assert not names_any(path, {"wal"})
    assert not names_any(path, set())
    forget(path, {"wal"})
    assert names_any(path, {"walk"})
    forget(path, {"walk"})
    assert path.read_text() == "# video\tlabel\nwalk-2\tduplicate\tann\t\t\tof (removed), not walk_3\n"
    forget(tmp_path / "none.tsv", {"walk"})
    assert not (tmp_path / "none.tsv").exists()


def test_a_person_has_one_label_for_a_video_and_may_take_it_back(tmp_path: Path) -> None:
    path = tmp_path / "labels.tsv"
    write_label(path, checked("video1", "still", "ann"))
    write_label(path, checked("video1", "keep", "ben"))
    write_label(path, checked("video1", "voice-over", "ann"))
    assert [(each.person, each.label) for each in read_label_table(path)] == [("ann", "voice-over"), ("ben", "keep")]
    write_label(path, checked("video1", "", "ann"))
    assert [each.person for each in read_label_table(path)] == ["ben"]
    write_label(path, checked("video1", "", "ann", note="look again"))
    assert [each.note for each in read_label_table(path)] == ["look again", ""]


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "labels.tsv"

    def write(person: str) -> None:
        for number in range(20):
            write_label(path, checked(f"video{number}", "keep", person))

    threads = [threading.Thread(target=write, args=(person,)) for person in ("ann", "ben", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_label_table(path)) == 60
    assert sorted(each.name for each in tmp_path.iterdir()) == [".labels.tsv.lock", "labels.tsv"]


@pytest.mark.parametrize(
    ("video", "label", "person"),
    [("video1", "excellent", "ann"), ("", "keep", "ann"), ("video1", "keep", " \t"), ("a\tb", "keep", "ann")],
)
def test_what_is_no_label_is_refused(video: str, label: str, person: str) -> None:
    with pytest.raises(UsageError):
        checked(video, label, person)


def test_of_two_labels_of_a_person_the_newer_stands_whatever_the_order() -> None:
    older = Label("video1", "keep", "ann", when="2026-01-01T00:00:00")
    newer = Label("video1", "still", "ann", when="2026-01-02T00:00:00")
    for order in ([older, newer], [newer, older]):
        assert list(merged([LabelTable([each]) for each in order])) == [newer]


def test_evaluate_reads_it_and_counts_what_people_disagree_on(tmp_path: Path) -> None:
    path = tmp_path / "labels.tsv"
    rows = [
        Label("video1", "keep", "ann"), Label("video1", "keep", "ben"), Label("video2", "still", "ann"),
        Label("video2", "keep", "ben"), Label("video3", "bad ambisonics", "ann"), Label("video4", "voice-over", "ann"),
        Label("video4", "background-music", "ben"), Label("video5", "wrong projection", "ann"),
        Label("video6", "", "ann", note="a look later"),
    ]  # fmt: skip
    path.write_text(LabelTable(rows).text(), encoding="utf-8")
    told = read_labels(path)
    assert told.wanted == {"video1": "keep", "video3": "ambisonics", "video4": "post-production"}
    assert told.unused == {DISAGREEMENT: 1, "wrong projection": 1}


def test_every_label_but_one_names_a_filter() -> None:
    assert {word for word in LABELS if word not in WORDS} == {"wrong projection"}
    assert len(set(LABELS.values())) == len(LABELS)


def test_a_table_by_hand_is_read_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "carol.tsv"
    path.write_text("video1\tKeep\n# a remark\n\nvideo2\tstill\t\tsoon\n", encoding="utf-8")
    assert [(each.video, each.label, each.person, each.seconds) for each in read_label_table(path)] == [
        ("video1", "keep", "carol", None),
        ("video2", "still", "carol", None),
    ]
    path.write_bytes(b"video1\t\xff\xfe")
    with pytest.raises(UsageError, match=r"carol\.tsv"):
        read_label_table(path)
    assert len(read_label_table(tmp_path / "none.tsv")) == 0
