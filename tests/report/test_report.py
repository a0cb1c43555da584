"""The page of a root: what it says, that it is harmless, and how it looks in a real browser."""

from __future__ import annotations

import html.parser
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.stages.fakes import Dataset
from yt360.engine.state.ledger import LedgerWriter
from yt360.engine.storage import Root
from yt360.report import cases
from yt360.report.charts import histogram, precision_recall, waveform
from yt360.report.funnel import PAPER, funnel
from yt360.report.page import escape, page
from yt360.report.report import Limits, write_report

VIDEOS = {"video1": 2, "video2": 1, "quiet": 0}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e" + "x" * 5000


class _Reader(html.parser.HTMLParser):
    """Tags, attributes and text of a page; knows when a tag is left open."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br", "line", "rect", "circle", "polyline", "polygon"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def read(path: Path) -> _Reader:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


@pytest.fixture
def root(dataset: Dataset) -> Dataset:
    dataset.run(VIDEOS)
    return dataset


def rename(dataset: Dataset, video: str, title: str) -> None:
    """Another title of a video in the ledger, as a site would tell it."""
    held = dataset.catalog(VIDEOS).records("crawl")[video]
    writer = LedgerWriter(dataset.root.ledger / "crawl", "test")
    writer.append(replace(held, sequence=held.sequence + 1, measures={"title": title, "channel": title}))
    writer.close()


def test_the_funnel_counts_what_the_ledger_says(root: Dataset) -> None:
    found = funnel(root.catalog(VIDEOS))
    assert [(step.stage, step.kept) for step in found.steps] == [("crawl", 3), ("chunk", 2), ("split", 2)]
    assert found.steps[1].reasons == {"silent": 1}
    assert (found.videos, found.clips, found.hours) == (2, 3, pytest.approx(3 / 3600))
    assert PAPER == {"videos": 5506, "clips": 88_733, "hours": 246.0}


def test_the_page_is_one_file_that_loads_nothing_and_twice_the_same(root: Dataset, tmp_path: Path) -> None:
    catalog = root.catalog(VIDEOS)
    one = write_report(catalog, tmp_path / "one.html").read_bytes()
    assert write_report(catalog, tmp_path / "two.html").read_bytes() == one
    reader = read(tmp_path / "one.html")
    for _, attributes in reader.tags:
        for name in ("src", "href", "data"):
            target = attributes.get(name) or ""
            assert target.startswith(("data:", "#")) or not target
    assert "script" not in {tag for tag, _ in reader.tags}
    assert "5,506" in reader.text
    assert "silent (1" in reader.text


def test_text_from_outside_is_text(root: Dataset, tmp_path: Path) -> None:
    for video in VIDEOS:
        rename(root, video, HOSTILE)
    reader = read(write_report(root.catalog(VIDEOS), tmp_path / "page.html"))
    assert not {"script", "b"} & {tag for tag, _ in reader.tags}
    assert all(not name.startswith("on") for _, attributes in reader.tags for name in attributes)
    assert "<script>alert(1)</script>" in reader.text
    assert "\u202e" not in reader.text
    assert "x" * 500 not in reader.text


def test_the_size_is_bounded(root: Dataset, tmp_path: Path, monkeypatch) -> None:
    picture = "data:image/jpeg;base64," + "A" * 4000
    monkeypatch.setattr("yt360.report.report.look", lambda *_: cases.Media(pictures=[("x", picture)]))
    write_report(root.catalog(VIDEOS), tmp_path / "all.html", Limits(most_bytes=100_000))
    write_report(root.catalog(VIDEOS), tmp_path / "few.html", Limits(most_bytes=4001))
    pages = [(tmp_path / name).read_text() for name in ("all.html", "few.html")]
    assert [page.count(picture) for page in pages] == [3, 1]
    assert "The page is full" in pages[1]


def test_what_cannot_be_read_is_said_and_hurts_nobody(root: Dataset, tmp_path: Path) -> None:
    media = cases.look(root.catalog(VIDEOS), "video1", tmp_path)
    assert "not everything" in media.problem


def test_charts_hold_what_they_are_given() -> None:
    drawn = histogram([0.1, 0.1, 0.9, 7.0, float("nan")], (0, 1), 0.5, True, '"><b>')
    assert "<b>" not in drawn
    counts = [int(number) for number in re.findall(r"<title>(\d+) at", drawn)]
    assert sum(counts) == 4
    assert waveform([0.0, 1.0, 0.5], [(0.0, 0.5, 1.0), (0.5, 1.0, 0.0)], "x").count("<rect") == 1
    assert waveform([], [], "x").startswith("<svg")
    assert "today" in precision_recall([(0.0, 1.0), (1.0, 0.5)], (1.0, 0.5), "x")


def test_escaping_is_bounded_and_leaves_no_markup() -> None:
    assert escape("a\n\tb\x00<i>&\"'") == "a b &lt;i&gt;&amp;&quot;&#x27;"
    assert len(escape("y" * 10_000)) == 400
    assert "default-src 'none'" in page("t", [])


CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium to look at the page: none is installed")
@pytest.mark.parametrize("width", [1400, 400])
def test_it_fits_a_real_browser(root: Dataset, tmp_path: Path, width: int) -> None:
    """Nothing sticks out to the right, and something is drawn."""
    rename(root, "quiet", HOSTILE)
    write_report(root.catalog(VIDEOS), tmp_path / "page.html")
    # Headless Chromium's windows are at least 500 wide; a frame in one may be narrower.
    frame = tmp_path / "frame.html"
    inside = f'src="page.html" width="{width}" height="1600" scrolling="no" style="border:0"'
    frame.write_text(f'<body style="margin:0"><iframe {inside}></iframe>')
    shot = tmp_path / "shot.png"
    command = [
        str(CHROMIUM),
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--window-size={max(500, width)},1600",
    ]
    command += [f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={shot}", frame.as_uri()]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    picture = cv2.imread(str(shot))[:, :width]
    assert picture.shape[1] == width
    background = picture[2, 2].astype(int)
    assert np.abs(picture[:, -4:].astype(int) - background).max() < 12
    assert np.abs(picture.astype(int) - background).max() > 100


def test_a_root_without_anything_gives_a_page(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "root")
    Root(tmp_path / "root").create()
    reader = read(write_report(dataset.catalog({}), tmp_path / "page.html"))
    assert "Nothing was dropped" in reader.text
