"""The page of a root: what it says, that it is harmless, and how it looks in a real browser."""

from __future__ import annotations

import html.parser
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest

from tests import SHARED
from tests.stages.fakes import Dataset
from yt360 import __version__, ambisonics
from yt360.engine import recipe
from yt360.engine.state.ledger import LedgerWriter
from yt360.engine.storage import Root
from yt360.errors import ItemError, UsageError
from yt360.media.facts import Facts
from yt360.report import cases, listing
from yt360.report.charts import distribution, histogram, precision_recall, waveform
from yt360.report.funnel import PAPER, funnel
from yt360.report.page import escape, page, portable, ruler
from yt360.report.report import Limits, write_report
from yt360.stages import REGISTRY

VIDEOS = {"video1": 2, "video2": 1, "quiet": 0}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e" + "x" * 5000


class Blobs:
    """A record that left a video."""

    outputs: ClassVar = {"video": SimpleNamespace(uri="data/crawl/a/video.mp4")}
    measures: ClassVar = {"video_codec": "h264"}
    children = ()


class _Reader(html.parser.HTMLParser):
    """Tags, attributes and text of a page; knows when a tag is left open."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(path: Path) -> _Reader:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished root, made once."""
    dataset = Dataset(tmp_path_factory.mktemp("report") / "root")
    dataset.run(VIDEOS)
    return dataset.root.path


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Dataset:
    """A copy of it, to be changed."""
    return Dataset(Path(shutil.copytree(made, tmp_path / "root", symlinks=True)))


def rename(dataset: Dataset, video: str, title: str, url: str = "") -> None:
    """Another title and address of a video in the ledger, as a site would tell it."""
    held = dataset.catalog(VIDEOS).records("crawl")[video]
    writer = LedgerWriter(dataset.root.ledger / "crawl", "test")
    writer.append(replace(held, sequence=held.sequence + 1, measures={"title": title, "channel": title, "url": url}))
    writer.close()


def test_the_funnel_counts_what_the_ledger_says(root: Dataset) -> None:
    found = funnel(root.catalog(VIDEOS))
    assert [(step.stage, step.kept) for step in found.steps] == [("crawl", 3), ("chunk", 2), ("split", 2)]
    assert found.steps[1].reasons == {"silent": 1}
    assert [found.videos, found.clips, found.hours] == pytest.approx([2, 3, 3 / 3600])
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


def test_the_source_is_linked_only_where_it_is_an_address_of_the_web(root: Dataset, tmp_path: Path) -> None:
    rename(root, "video1", "One", "https://example.org/watch?v=1&t=2")
    rename(root, "video2", "Two", "javascript:alert(1)")
    rename(root, "quiet", "Three", "file:///etc/passwd")
    reader = read(write_report(root.catalog(VIDEOS), tmp_path / "page.html"))
    links = {attributes["href"] for tag, attributes in reader.tags if tag == "a"}
    assert {target for target in links if target and not target.startswith("#")} == {
        "https://example.org/watch?v=1&t=2"
    }


def fail(dataset: Dataset, video: str, kind: str, error: str) -> None:
    """A failure of the last attempt at cutting a video, in the ledger."""
    held = dataset.catalog(VIDEOS).records("chunk")[video]
    writer = LedgerWriter(dataset.root.ledger / "chunk", "test")
    writer.append(replace(held, sequence=held.sequence + 1, status="failed", reason="", kind=kind, error=error))
    writer.close()


def test_what_failed_stands_there_with_what_to_do_and_without_paths(root: Dataset, tmp_path: Path) -> None:
    path = root.root.path / "data" / "crawl" / "quiet" / "sound.wv"
    fail(root, "quiet", "truncated", f"{path}: it ends after 4.0 s, 97.0 s are promised")
    write_report(root.catalog(VIDEOS), tmp_path / "page.html")
    assert str(root.root.path) not in (tmp_path / "page.html").read_text()
    text = read(tmp_path / "page.html").text
    failed = text[text.index("what to do") :]
    assert "quiet" in failed
    assert "data/crawl/quiet/sound.wv: it ends after 4.0 s" in failed
    assert "fetch it again" in failed


def test_of_an_unexpected_error_the_page_shows_the_line_that_says_it(root: Dataset, tmp_path: Path) -> None:
    fail(root, "quiet", "unexpected", 'Traceback (most recent call last):\n  File "/x/y.py"\nValueError: seven\n')
    text = read(write_report(root.catalog(VIDEOS), tmp_path / "page.html")).text
    assert "ValueError: seven" in text
    assert "y.py" not in text


def test_every_video_is_on_the_page_even_without_a_card(root: Dataset, tmp_path: Path) -> None:
    text = read(write_report(root.catalog(VIDEOS), tmp_path / "page.html", Limits(cases=0, kept=0))).text
    listed = text[text.index("All videos") :]
    assert all(f"#video={video}" in listed for video in VIDEOS)
    assert "filtered · chunk: silent · no stretch has enough sound for a clip · 1 video" in listed
    assert "kept · 2 videos" in listed
    assert "nothing to hear" in listed


def test_the_settings_that_are_not_the_usual_ones_are_told(root: Dataset, tmp_path: Path) -> None:
    text = read(write_report(root.catalog(VIDEOS), tmp_path / "page.html")).text
    assert "crawlvideos.video12" in text[text.index("Parameters that are not the usual ones") :]


def test_every_threshold_in_force_is_told_and_the_changed_ones_are_marked() -> None:
    built = recipe.build(
        {"stages": {"crawl": {}, "validate": {}, "stills": {"thresholds": {"still_probability": 0.9}}}},
        REGISTRY,
        [],
        where="test",
    )
    catalog: Any = SimpleNamespace(stages={stage.name: stage for stage in built.stages})
    shown = "".join(listing.settings(catalog))
    reader = _Reader()
    reader.feed(shown)
    fields = type(catalog.stages["stills"].thresholds).model_fields
    assert set(fields) <= set(re.findall(r"<td>([a-z_.]+)</td>", shown))
    assert "stills: 1 threshold, 1 changed: still_probability" in reader.text
    assert "0.9 (usually 0.5)" in reader.text
    assert reader.text.count("(usually") == 1


def test_when_and_how_it_was_made_stands_on_top(root: Dataset, tmp_path: Path) -> None:
    catalog = root.catalog(VIDEOS)
    started = sorted(
        record.started for name in ("crawl", "chunk", "split", "shard") for record in catalog.records(name).values()
    )
    text = read(write_report(catalog, tmp_path / "page.html")).text
    top = text[: text.index("Funnel")]
    first, last = (end[:16].replace("T", " ") for end in (started[0], started[-1]))
    assert f"recordsfrom {first} to {last} UTC" in top
    assert f"yt360 {__version__} wrote this page; stages: crawl 1, chunk 1" in top
    sides = {item: record.meta["side"] for item, record in catalog.records("split").items()}
    for side in set(sides.values()):
        videos = [video for video in sides if sides[video] == side]
        clips = sum(VIDEOS[video] for video in videos)
        assert f"{side}: {len(videos)} video{'s'[: len(videos) > 1]}, {clips} clip{'s'[: clips > 1]}" in top
    assert "licencesnot stated: 2 videos" in top


def test_the_page_is_the_same_wherever_the_root_lies(made: Path, tmp_path: Path) -> None:
    pages = []
    for place in ("here", "elsewhere/deep"):
        dataset = Dataset(Path(shutil.copytree(made, tmp_path / place / "root", symlinks=True)))
        fail(dataset, "quiet", "unexpected", f"{dataset.root.path}/tmp/x/y: bad ([in#0 @ 0x55d3a{len(place):04x}])")
        pages.append(write_report(dataset.catalog(VIDEOS), tmp_path / place / "page.html").read_text())
    assert pages[0] == pages[1]
    assert str(tmp_path) not in pages[0]
    assert "0x55d3a" not in pages[0]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("/home/me/videos/a b.mp4: bad", "a b.mp4: bad"),
        ("opened '/usr/lib/x.so' and ~/k/y", "opened 'x.so' and y"),
        ("see https://example.org/a/b or and/or 1/2", "see https://example.org/a/b or and/or 1/2"),
        ("[mov,mp4 @ 0x558d12c0ab40] moov atom not found", "[mov,mp4] moov atom not found"),
        ("/r/data/crawl/a/video.mp4: short", "data/crawl/a/video.mp4: short"),
    ],
)
def test_messages_lose_what_belongs_to_a_machine(said: str, shown: str) -> None:
    assert portable(said) == shown


def test_clips_and_videos_have_their_place_in_view(root: Dataset, tmp_path: Path) -> None:
    catalog = root.catalog(VIDEOS)
    text = read(write_report(catalog, tmp_path / "page.html")).text
    assert "#clip=video1-00000&layers=energy" in text
    assert "yt360 report --view ADDRESS" in text
    reader = read(write_report(catalog, tmp_path / "page.html", address="http://127.0.0.1:8000/?token=a&b=c"))
    links = {attributes["href"] for tag, attributes in reader.tags if tag == "a"}
    assert "http://127.0.0.1:8000/?token=a&b=c#clip=video1-00010&layers=energy" in links
    assert {f"http://127.0.0.1:8000/?token=a&b=c#video={video}" for video in VIDEOS} <= links
    reader = read(write_report(catalog, tmp_path / "page.html", address="../exported/"))
    assert "../exported/#video=quiet" in {attributes["href"] for tag, attributes in reader.tags if tag == "a"}
    for address in ("javascript:alert(1)", "http://x/#y", 'x"y', "ftp://x/"):
        with pytest.raises(UsageError, match="expected the address of a page of `yt360 view`"):
            write_report(catalog, tmp_path / "page.html", address=address)


def test_left_and_right_stand_below_each_picture_of_the_sphere(
    root: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [cases.Picture("whole", "data:a", sphere=True), cases.Picture("as stored", "data:b")]
    monkeypatch.setattr("yt360.report.report.look", lambda *_: cases.Media(pictures=list(pictures)))
    text = write_report(root.catalog(VIDEOS), tmp_path / "page.html").read_text()
    assert text.count(ruler() + "<figcaption>whole") == 3
    assert text.count(ruler()) == 4  # and in the legend
    sides = re.findall(r"<span>(.*?)</span>", ruler())
    assert sides == ["behind", "left", "front", "right", "behind"]
    for word in ("pale yellow the loudest", "two cardioid microphones", "channel W", "white outline"):
        assert word in text


def test_the_sound_over_a_frame_is_told_in_words_with_its_side() -> None:
    hiss = np.random.default_rng(0).standard_normal(4800).astype(np.float32)
    frame = np.full((64, 128, 3), 90, np.uint8)
    one = cases._energy(frame, ambisonics.encode(hiss, np.radians(40), np.radians(-10)), 3.2)
    assert one.words == "the sound at 3 s: from 40° left, 10° down (ring), diffuseness 0.00"
    assert one.sphere
    even = np.random.default_rng(0).standard_normal((4, 48_000)).astype(np.float32) / np.sqrt([[1], [3], [3], [3]])
    assert cases._energy(frame, even.astype(np.float32), 0.0).words.startswith(
        "the sound at 0 s: from no direction in particular, diffuseness "
    )


def test_directions_are_drawn_with_the_left_on_the_left() -> None:
    drawn = distribution([90.0, 90.0], (180.0, -180.0), ((180.0, "behind"), (90.0, "left"), (-90.0, "right")), "x")
    bars = re.findall(r'x="([\d.]+)"[^>]*height="([\d.]+)"><title>(\d+) at (-?[\d.]+)', drawn)
    (bar,) = [(float(x), float(at)) for x, _, count, at in bars if count == "2"]
    assert bar[0] == pytest.approx(340 / 4, abs=340 / 40)
    assert bar[1] == pytest.approx(90, abs=9)
    places = {word: float(x) for x, word in re.findall(r'<text x="([\d.]+)"[^>]*>(\w+)<', drawn)}
    assert (places["left"], places["right"]) == (85.0, 255.0)


def test_an_excerpt_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    """F29: two pages of one root differed in the serial numbers of their Ogg streams."""
    pair = np.random.default_rng(0).standard_normal((2, 12_000)).astype(np.float32) * 0.1
    assert cases._excerpt(pair, tmp_path) == cases._excerpt(pair, tmp_path)


@pytest.mark.skipif(not (SHARED / "media").is_dir(), reason="needs the recordings in shared/media")
def test_a_stereo_half_sphere_has_a_picture_though_ffmpeg_refuses_its_messages() -> None:
    media = cases.Media()
    cases._plain_picture(media, SHARED / "media" / "vr180_claims_360.mp4", 0.0, "h264")
    assert [picture.words for picture in media.pictures] == ["as it is stored"]


def test_what_fails_of_a_video_leaves_the_rest(root: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = root.catalog(VIDEOS)
    monkeypatch.setattr(cases, "_facts", lambda *_: Facts(0.0, 1.0, has_picture=True, has_sound=True))
    monkeypatch.setattr(cases, "_plain_picture", lambda *_: (_ for _ in ()).throw(ItemError("ffmpeg", "/tmp/x @ 0x5")))
    monkeypatch.setattr(cases, "_plain_sound", lambda media, *_: setattr(media, "excerpt", "data:x"))
    records = {"crawl": {"a": Blobs()}, "validate": {"a": Blobs()}}
    monkeypatch.setattr(catalog, "records", lambda stage: records.get(stage, {}))
    media = cases.look(catalog, "a", tmp_path)
    assert media.excerpt == "data:x"
    assert media.missing == ["picture (ffmpeg)"]


def test_the_size_is_bounded(root: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = "data:image/jpeg;base64," + "A" * 4000
    monkeypatch.setattr("yt360.report.report.look", lambda *_: cases.Media(pictures=[cases.Picture("x", picture)]))
    write_report(root.catalog(VIDEOS), tmp_path / "all.html", Limits(most_bytes=100_000))
    write_report(root.catalog(VIDEOS), tmp_path / "few.html", Limits(most_bytes=4001))
    pages = [(tmp_path / name).read_text() for name in ("all.html", "few.html")]
    assert [page.count(picture) for page in pages] == [3, 1]
    assert "The page is full" in pages[1]


def test_what_cannot_be_read_is_said_and_hurts_nobody(root: Dataset, tmp_path: Path) -> None:
    media = cases.look(root.catalog(VIDEOS), "video1", tmp_path)
    assert media.missing == ["how to read it (unreadable)"]


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
    taken = cv2.imread(str(shot))
    assert taken is not None
    picture = taken[:, :width]
    assert picture.shape[1] == width
    background = picture[2, 2].astype(int)
    assert np.abs(picture[:, -4:].astype(int) - background).max() < 12
    assert np.abs(picture.astype(int) - background).max() > 100


def test_a_root_without_anything_gives_a_page(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "root")
    Root(tmp_path / "root").create()
    reader = read(write_report(dataset.catalog({}), tmp_path / "page.html"))
    assert "Nothing was dropped" in reader.text
