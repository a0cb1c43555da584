"""One video from its site or server into a folder: picture and sound as they are, whole or not at all.

Files are fetched into a folder of their own below the root that outlives an interrupted run. Its
file names hold a digest of what was asked for (format, size, the server's own version marks), so
what is left there is either the same file, whole or partial, or not looked at. A finished file is
linked from there into the work folder: when the run is killed before the result was recorded,
nothing is fetched twice.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from yt_dlp import YoutubeDL
from yt_dlp.networking import HEADRequest
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.version import __version__ as yt_dlp_version

from yt360.crawling.access import Access, site_of
from yt360.crawling.client import YtDlpLogger, open_client
from yt360.crawling.failures import CrawlError, classify
from yt360.crawling.formats import Choice, Format, client_of
from yt360.crawling.media_kind import MEDIA_EXTENSIONS, MediaKind, extension
from yt360.crawling.selection import Wanted, choose, is_labelled
from yt360.crawling.text import clean_text, public_url
from yt360.crawling.watchdog import Pace, watched

_PAST_THE_END = "HTTP Error 416"
_SNIFF_BYTES = 512
_DISK_EVERY_BYTES = 4 << 20
_LOOK_EVERY_S = 1.0
_ANSWER_LIMIT_S = 900.0
"""For a site's word on one video, which takes several requests and pauses."""
_MOST_TRIED = 3
_NOT_OF_A_FORMAT = ("formats", "requested_formats", "requested_downloads", "entries")


@dataclass
class Fetched:
    """Files by role (in the keeping folder), what was chosen for each, the site's info, and numbers for the record.

    ``broken`` says of a role why no format was what its label promised.
    """

    files: dict[MediaKind, Path] = field(default_factory=dict)
    choices: dict[MediaKind, Choice] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    measures: dict[str, Any] = field(default_factory=dict)
    broken: dict[MediaKind, str] = field(default_factory=dict)


class Downloader:
    """Fetches one video through one own address. ``keep`` is its keeping folder, ``subject`` its name in messages.

    ``asked`` is called right before the site is asked and right after it answered: in between, at a moment
    that only the site knows, the question arrived.
    """

    def __init__(
        self,
        access: Access,
        wanted: Wanted,
        keep: Path,
        *,
        cache: Path | None,
        address: str,
        subject: str,
        asked: Callable[[], object] = lambda: None,
    ) -> None:
        self._access = access
        self._wanted = wanted
        self._keep = keep
        self._cache = cache
        self._address = address
        self._subject = subject
        self._asked = asked
        self._ears = YtDlpLogger()
        self._clients: tuple[str, ...] = ()
        self._deadline = time.monotonic() + access.download_timeout_s
        self._announced: int | None = None
        self._checked_at = 0
        self._pace = self._new_pace()

    def _new_pace(self) -> Pace:
        """Where the rate is capped, the least one is below the cap."""
        access = self._access
        least = None if access.least_rate_kb_s is None else access.least_rate_kb_s * 1e3
        if least is not None and access.bandwidth_mb_s is not None:
            least = min(least, access.bandwidth_mb_s * 1e6 / access.concurrent_downloads / 2)
        return Pace(least, access.least_rate_span_s, time.monotonic)

    def fetch_page(self, url: str) -> Fetched:
        """A video that yt-dlp gets by its page's address. Raises :class:`CrawlError`."""
        fetched = self._with_clients(url, self._fetch_choices)
        self._clear_others(fetched.files.values())
        return fetched

    def look_at_page(self, url: str) -> Fetched:
        """As :meth:`fetch_page`, but nothing is fetched: what would be, and what the site says. Raises the same."""
        return self._with_clients(url, self._first_choices)

    def look_at_files(self, urls: Mapping[MediaKind, str]) -> Fetched:
        """As :meth:`fetch_files`, but only the servers' heads are asked for. Raises the same."""
        seen = Fetched()
        with self._client(None) as ydl:
            for role, url in urls.items():
                try:
                    one: Format = {"format_id": "0", **self._ask_head(ydl, url)}
                except Exception as error:
                    raise classify(error, f"{self._subject} ({public_url(url)})", self._ears.warnings) from error
                seen.choices[role] = Choice(role, one, "given")
        return seen

    def _with_clients(self, url: str, action: Callable[[YoutubeDL, dict[str, Any]], Fetched]) -> Fetched:
        """Ask as one set of clients after the other until one is offered what suits.

        When none is, the first that brought anything counts: what it is, is for ``validate`` to say.
        """
        rounds: list[tuple[str, ...]] = [self._access.player_clients]
        if site_of(url) == "youtube":
            rounds += self._access.fallback_clients
        first: CrawlError | None = None
        second_best: Fetched | None = None
        for number, clients in enumerate(rounds, 1):
            try:
                fetched = self._one_round(url, clients, action)
            except CrawlError as failure:
                if failure.rule.stops or not (failure.rule.other_client or first or second_best):
                    raise
                first = first or failure
                continue
            fetched.measures["client_rounds"] = number
            if not fetched.broken:
                return fetched
            second_best = second_best or fetched
        if second_best is not None:
            second_best.measures["not_as_promised"] = dict(second_best.broken)
            return second_best
        assert first is not None
        raise first

    def _one_round(
        self, url: str, clients: tuple[str, ...], action: Callable[[YoutubeDL, dict[str, Any]], Fetched]
    ) -> Fetched:
        self._ears = YtDlpLogger()
        self._clients = clients
        with self._client(clients) as ydl:
            try:
                return action(ydl, self._info(ydl, url))
            except CrawlError:
                raise
            except Exception as error:
                raise classify(error, self._subject, self._ears.warnings) from error

    def _choose(self, ydl: YoutubeDL, info: dict[str, Any]) -> dict[MediaKind, list[Choice]]:
        return choose(ydl, info, self._wanted, self._subject, self._ears.warnings)

    def fetch_files(self, urls: Mapping[MediaKind, str]) -> Fetched:
        """Media files at plain addresses. Raises :class:`CrawlError`."""
        fetched = Fetched()
        with self._client(None) as ydl:
            for role, url in urls.items():
                try:
                    one: Format = {"url": url, "ext": extension(unquote(urlsplit(url).path)), "format_id": "0"}
                    one |= self._ask_head(ydl, url)
                    choice = Choice(role, one, "given")
                    fetched.files[role] = self._fetch(ydl, choice, {"id": "0", "title": "", "extractor": "direct"})
                    fetched.choices[role] = choice
                except CrawlError:
                    raise
                except Exception as error:
                    raise classify(error, f"{self._subject} ({public_url(url)})", self._ears.warnings) from error
        self._clear_others(fetched.files.values())
        fetched.measures |= {"site": "url", "url": public_url(next(iter(urls.values())))}
        return fetched

    def _client(self, clients: tuple[str, ...] | None) -> YoutubeDL:
        return open_client(
            self._access,
            logger=self._ears,
            cache=self._cache,
            address=self._address,
            format_sort=tuple(self._wanted.sort),
            progress=self._progress,
            clients=clients,
        )

    def _info(self, ydl: YoutubeDL, url: str) -> dict[str, Any]:
        """What the site says about the one video behind ``url``."""
        self._asked()
        limit = time.monotonic() + _ANSWER_LIMIT_S

        def look() -> None:
            if time.monotonic() > limit:
                raise CrawlError("network", f"{self._subject}: no whole answer within {_ANSWER_LIMIT_S:g} s; run again")

        try:
            with watched(look, _LOOK_EVERY_S):
                info = ydl.extract_info(url, download=False, process=True)
        finally:
            self._asked()
        if info is not None and info.get("_type") in ("playlist", "multi_video"):
            entries = [entry for entry in info.get("entries") or () if entry]
            if len(entries) != 1:
                raise CrawlError(
                    "several-videos",
                    f"{self._subject}: expected one video, found {len(entries)}; list them one by one in crawl.source",
                )
            info = entries[0]
        if not info:
            raise CrawlError("unexpected", f"{self._subject}: yt-dlp returned nothing about {public_url(url)}")
        status = info.get("live_status")
        if status in ("is_live", "is_upcoming", "post_live") or info.get("is_live"):
            found = clean_text(status, 40)
            raise CrawlError("live", f"{self._subject}: expected a finished video, found {found}; try again later")
        return dict(info)

    def _fetch_choices(self, ydl: YoutubeDL, info: dict[str, Any]) -> Fetched:
        fetched = Fetched(info=info)
        refused: list[str] = []
        for role, choices in self._choose(ydl, info).items():
            self._fetch_one(ydl, fetched, role, choices, refused)
        fetched.measures |= self._provenance(info, fetched.choices, refused)
        return fetched

    def _fetch_one(
        self, ydl: YoutubeDL, fetched: Fetched, role: MediaKind, choices: Sequence[Choice], refused: list[str]
    ) -> None:
        """The first format that arrives and is what it was said to be, or else the first that arrives."""
        failure: CrawlError | None = None
        for choice in choices[:_MOST_TRIED]:
            try:
                path = self._fetch(ydl, choice, fetched.info)
            except Exception as error:
                failure = classify(error, f"{self._subject}, format {choice.format_id}", self._ears.warnings)
                if not failure.rule.other_format:
                    raise failure from error
                refused.append(f"{choice.format_id}: {failure.kind}")
                continue
            broken = self._wanted.check(role, path) if is_labelled(fetched.info, self._wanted) else ""
            if not broken or role not in fetched.files:
                fetched.files[role], fetched.choices[role] = path, choice
            if not broken:
                fetched.broken.pop(role, None)
                return
            fetched.broken.setdefault(role, f"{choice.format_id}: {broken}")
            refused.append(f"{choice.format_id}: {broken}"[:300])
        if role not in fetched.files and failure is not None:
            raise failure

    def _first_choices(self, ydl: YoutubeDL, info: dict[str, Any]) -> Fetched:
        choices = {role: choices[0] for role, choices in self._choose(ydl, info).items()}
        return Fetched(choices=choices, info=info, measures=self._provenance(info, choices, ()))

    def _fetch(self, ydl: YoutubeDL, choice: Choice, info: Mapping[str, Any]) -> Path:
        """One format as a whole file in the keeping folder; resumes what an earlier attempt left there."""
        self._keep.mkdir(parents=True, exist_ok=True)
        path = self._keep / f"{choice.role}-{_version(choice.format, self._clients)}.{choice.extension}"
        part = path.with_name(path.name + ".part")
        expected = choice.format.get("filesize")
        if expected and part.is_file() and part.stat().st_size == expected:
            part.replace(path)  # killed between the last byte and the name
        if not path.is_file():
            self._announced = None
            self._checked_at = 0
            request = {key: value for key, value in info.items() if key not in _NOT_OF_A_FORMAT}
            request |= choice.format
            request.setdefault("protocol", urlsplit(str(choice.format.get("url"))).scheme)
            if choice.format.get("resumable") is False:
                part.unlink(missing_ok=True)
            if isinstance(expected, int):
                self._require_room(expected - (part.stat().st_size if part.is_file() else 0), expected)
            self._pace = self._new_pace()
            try:
                with watched(self._look, min(_LOOK_EVERY_S, self._access.least_rate_span_s)):
                    arrived, _ = ydl.dl(str(path), request)
            except Exception as error:
                if _PAST_THE_END in str(error):
                    # What is kept is as long as the file or longer, and nothing says which: begin anew.
                    part.unlink(missing_ok=True)
                    subject = f"{self._subject}, format {choice.format_id}"
                    raise CrawlError("network", f"{subject}: nothing left to resume ({_PAST_THE_END})") from error
                raise
            if not arrived or not path.is_file():
                raise CrawlError("network", f"{self._subject}: yt-dlp gave up on format {choice.format_id}; run again")
        try:
            self._require_whole(path, choice)
        except CrawlError:
            path.unlink(missing_ok=True)
            raise
        return path

    def _require_whole(self, path: Path, choice: Choice) -> None:
        size = path.stat().st_size
        expected = self._announced or choice.format.get("filesize")
        if size == 0 or (expected and size != expected):
            raise CrawlError(
                "empty-file" if size == 0 and not expected else "incomplete",
                f"{self._subject}, format {choice.format_id}: expected {expected or 'some'} bytes, found {size}",
            )
        with path.open("rb") as stream:
            head = stream.read(_SNIFF_BYTES).lstrip().lower()
        if head.startswith((b"<!doctype", b"<html", b"<?xml", b"#extm3u")):
            raise CrawlError(
                "not-media", f"{self._subject}: expected a media file, found a page or a playlist; check the address"
            )

    def _ask_head(self, ydl: YoutubeDL, url: str) -> Format:
        """Size and version of a plain file, as far as its server tells them before it is fetched."""
        try:
            with ydl.urlopen(HEADRequest(url)) as response:
                headers = response.headers
                length = headers.get("Content-Length") or ""
                marks = [headers.get(name) or "" for name in ("ETag", "Last-Modified")]
        except HTTPError as error:
            if error.status in (404, 410, 429, 503):
                raise
            # Some servers refuse HEAD, or signed addresses allow GET alone: ask for the file itself.
            return {"resumable": False}
        found: Format = {"marks": [mark[:200] for mark in marks], "resumable": any(marks)}
        if length.isdigit():
            found["filesize"] = int(length[:18])
        return found

    def _progress(self, status: Mapping[str, Any]) -> None:
        """Called by yt-dlp for every block: how much there is, the announced size, room on the disk."""
        self._look()
        if status.get("status") != "downloading":
            return
        if isinstance(status.get("total_bytes"), int):
            self._announced = status["total_bytes"]
        done = status.get("downloaded_bytes") or 0
        self._pace.saw(done)
        if done >= self._checked_at:
            self._checked_at = done + _DISK_EVERY_BYTES
            self._require_room(0, done)

    def _look(self) -> None:
        """Whether a download may go on waiting: the deadline, and the least rate."""
        if time.monotonic() > self._deadline:
            raise CrawlError(
                "timeout",
                f"{self._subject}: not finished within crawl.access.download_timeout_s = "
                f"{self._access.download_timeout_s:g} s; raise it, or raise crawl.access.bandwidth_mb_s",
            )
        rate = self._pace.too_slow()
        if rate is not None:
            raise CrawlError(
                "too-slow",
                f"{self._subject}: {rate / 1e3:.2f} kB/s over {self._access.least_rate_span_s:g} s, the least is "
                f"{self._access.least_rate_kb_s:g} kB/s (crawl.access.least_rate_kb_s); try again later: --retry "
                "too-slow",
            )

    def _require_room(self, wanted: int, size: int) -> None:
        """Refuse a file of ``size`` bytes (so far) of which ``wanted`` are still to come."""
        most = self._access.max_file_gb
        if most is not None and size > most * 1e9:
            raise CrawlError(
                "too-large",
                f"{self._subject}: {size / 1e9:.3f} GB and perhaps more, the most is {most:g} GB "
                "(crawl.access.max_file_gb)",
            )
        floor = self._access.min_free_gb * 1e9
        free = shutil.disk_usage(self._keep).free
        if free - wanted < floor:
            raise CrawlError(
                "no-room",
                f"{self._subject}: {size / 1e9:.3f} GB, {free / 1e9:.2f} GB free on the disk of {self._keep}, the "
                f"floor is {floor / 1e9:.2f} GB (crawl.access.min_free_gb); free some space, then --retry no-room",
            )

    def _clear_others(self, files: Iterable[Path]) -> None:
        """Remove what earlier attempts at other formats left in the keeping folder."""
        kept = {path.name for path in files}
        for path in self._keep.iterdir():
            if path.name not in kept and path.is_file():
                path.unlink()

    def _provenance(
        self, info: Mapping[str, Any], choices: Mapping[MediaKind, Choice], refused: Sequence[str]
    ) -> dict[str, Any]:
        measures: dict[str, Any] = {
            "site": clean_text(info.get("extractor"), 80),
            "yt_dlp": yt_dlp_version,
            "formats_offered": len(info.get("formats") or [1]),
            "chosen": {
                role: {
                    "itag": choice.format_id[:40],
                    "note": clean_text(choice.format.get("format_note") or "", 120),
                    "client": client_of(choice.format),
                    "why": choice.why,
                }
                for role, choice in choices.items()
            },
        }
        if refused:
            measures["refused"] = list(refused)
        if self._ears.warnings:
            measures["warnings"] = self._ears.warnings[:5]
        return measures


def link_into(workdir: Path, files: Mapping[MediaKind, Path]) -> dict[str, str]:
    """Put fetched files into a work folder as ``video.<ext>`` and ``sound.<ext>``; output names by role.

    A hard link where the file system has them, so that the file stays in the keeping folder too.
    """
    outputs: dict[str, str] = {}
    for role, path in files.items():
        ending = extension(path.name)
        name = f"{role}.{ending if ending in MEDIA_EXTENSIONS else 'bin'}"
        try:
            os.link(path, workdir / name)
        except OSError:
            shutil.copyfile(path, workdir / name)
        outputs[role] = name
    return outputs


def _version(one: Format, clients: Sequence[str]) -> str:
    """A digest of what tells one version of a format's file from another.

    YouTube says when a file was encoded (``lmt`` in its address); a server has its entity tags. One
    format may hold different pictures for different clients.
    """
    encoded = parse_qs(urlsplit(str(one.get("url") or "")).query).get("lmt", [""])[0]
    words = [one.get("format_id"), one.get("ext"), one.get("filesize"), one.get("marks"), encoded, *clients]
    return hashlib.blake2b(repr(words).encode("utf-8", "replace"), digest_size=8).hexdigest()
