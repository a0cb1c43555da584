"""A dataset whose shards and manifests are damaged under its readers, and titles that are out to break a page."""

from __future__ import annotations

import hashlib
import html.parser
import json
import time
import unicodedata
from collections import Counter
from dataclasses import replace

import yt360
from benchmarks.soak_room import Soak, call, use_stand_ins
from tests.evaluation.world import make_labelled_root
from tests.stages.fakes import Dataset
from yt360.crawling import info
from yt360.dataset.panoptic import segment_ids
from yt360.engine.state.ledger import LedgerWriter
from yt360.errors import Yt360Error

_SLOW_S = 20.0


class Shards:
    """Tar shards and manifests that something has eaten at, read as training and notebooks read them."""

    def __init__(self, soak: Soak) -> None:
        self._soak = soak
        self._root = make_labelled_root(soak.folder / "dataset", videos=1, test_videos=1, seconds=1.5)
        self._whole = {path: path.read_bytes() for path in self._root.rglob("*") if path.is_file()}
        self._expected = self._read(True)
        if self._expected != self._read(True):
            raise SystemExit("the same clips are read in two ways")

    def once(self) -> None:
        soak = self._soak
        path = soak.chance.choice(sorted(self._whole))
        name = path.relative_to(self._root).as_posix()
        for checked in (True, False):
            path.write_bytes(self._whole[path])
            way = soak.damaged(path)
            soak.tried["shards and manifests damaged under the reader"] += 1
            started, what = time.monotonic(), f"dataset: {name} ({way}, {'' if checked else 'not '}checked)"
            try:
                found = self._read(checked)
            except Yt360Error:
                soak.tried["of these refused"] += 1
            except Exception as error:
                soak.found(f"{what}: {type(error).__name__}: {str(error)[:200]}")
            else:
                if checked and path.suffix == ".tar" and found != self._expected:
                    soak.found(f"{what}: other pictures or other sound, and no error")
            if time.monotonic() - started > _SLOW_S:
                soak.found(f"{what}: took {time.monotonic() - started:.0f} s")
        path.write_bytes(self._whole[path])

    def _read(self, checked: bool) -> str:
        """Digest of all that the clips show and sound like, each read whole."""
        digest = hashlib.sha256()
        for clip in yt360.open(self._root, verify=checked):
            digest.update(clip.id.encode())
            for array in (clip.frames(), clip.foa(), clip.frame(clip.duration_s / 2)):
                digest.update(array.tobytes())
            if (shown := clip.panoptic()) is not None:
                digest.update(segment_ids(shown).tobytes())
        return digest.hexdigest()


_PIECES = (
    "<script>alert(1)</script>", "</title>", "</h4></div>", "<img src=x onerror=alert(1)>", "<!--", "-->", "<![CDATA[",
    "]]>", "&lt;b&gt;", "&#60;i&#62;", "&#x202e;", "&", ";", '"', "'", "`", "=", "\\", "\n", "\r", "\t", "\0",
    "\x1b[2J", "\x9b31m", "\x07", "\u202e", "\u2066", "\u200b", "\ufeff", "\ufffe", "\ud800", "\udc80", "\U000e0041",
    "\u2028", "<svg onload=alert(1)>", "<style>*{display:none}</style>", "javascript:alert(1)", "data:text/html,x",
    "{{7*7}}", "${x}", "%s%n", "{0.__class__}", "\uff21", "ß", "👩‍🚀",
    "a\u0301" * 40, "x" * 5000, "=HYPERLINK(1)", "\x85", "<a href=//h.test>",
)  # fmt: skip
_PLAIN = "A walk by the sea"


class Titles:
    """What a site says of a video, on the page of the report, and in a terminal."""

    def __init__(self, soak: Soak) -> None:
        self._soak = soak
        use_stand_ins()
        self._root = soak.folder / "titles" / "root"
        recipe = self._root.parent / "recipe.yaml"
        recipe.parent.mkdir()
        stages = {"crawl": {"videos": {"one": 1, "two": 0}}, "chunk": {}, "split": {"test_share": 0.0}, "shard": {}}
        recipe.write_text(json.dumps({"stages": stages}))
        self._must("run", recipe, "--workers", 1, "-q", "--min-free-gb", 0)
        self._made = Dataset(self._root)
        self._told = self._made.catalog({"one": 1, "two": 0}).records("crawl")["one"]
        self._sequence = self._told.sequence
        self._plain = self._page(_PLAIN)

    def once(self) -> None:
        soak = self._soak
        title = "A" + "".join(soak.chance.choices(_PIECES, k=soak.chance.randrange(1, 9)))
        soak.tried["hostile titles"] += 1
        page = self._page(title)
        if (page.tags, page.names) != (self._plain.tags, self._plain.names) or page.foreign:
            soak.found(f"titles: {title[:200]!r} changes the page: {page.tags - self._plain.tags}, {page.foreign}")
        for words in (("explain", "one"), ("status",)):
            code, said = call(*words, "--root", self._root)
            if code not in (0, 1) or (bad := _unprintable(said)):
                soak.found(
                    f"titles: {title[:200]!r}: {words[0]} ended with {code}, {bad if code in (0, 1) else said[-200:]}"
                )

    def _page(self, title: str) -> _Page:
        """The report of the root when its video is called so, cleaned as a crawl cleans it."""
        said = info.sanitise({"title": title, "uploader": title, "channel": title, "webpage_url": "https://h.test/v"})
        measures = {**self._told.measures, **said, "url": "https://h.test/v"}
        self._sequence += 1
        writer = LedgerWriter(self._root / "ledger" / "crawl", "soak")
        writer.append(replace(self._told, sequence=self._sequence, measures=measures))
        writer.close()
        self._must("report")
        page = _Page()
        page.feed((self._root / "report" / "report.html").read_text(encoding="utf-8"))
        page.close()
        return page

    def _must(self, *words: object) -> None:
        code, said = call(*words, "--root", self._root)
        if code:
            raise SystemExit(f"{words[0]} ended with {code}: {said}")


class _Page(html.parser.HTMLParser):
    """Tags, names of attributes, and what has no place on a page of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.names: Counter[str] = Counter()
        self.foreign: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.names.update(f"{tag} {name}" for name, _ in attrs)
        links = [value or "" for name, value in attrs if name in ("src", "href")]
        self.foreign += [link for link in links if not link.startswith(("#", "data:", "https://h.test/"))]

    def handle_comment(self, data: str) -> None:
        self.foreign.append(data)

    unknown_decl = handle_comment

    def handle_data(self, data: str) -> None:
        if bad := _unprintable(data):
            self.foreign.append(bad)


def _unprintable(text: str) -> str:
    """Characters that steer a terminal or turn the direction of text; empty where there are none."""
    steering = {letter for letter in text if unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\n\t"}
    return ascii("".join(sorted(steering | (set(text) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068")))))[1:-1]
