"""Get the videos: from a folder, a list, a server, or a site that yt-dlp knows.

Consumes ``crawl.source``; produces ``video`` (a picture file that may hold sound too), ``sound``
(a separate sound file, where there is one) and ``info`` (what the site says). Files are kept as
they arrive: nothing is merged, remuxed or cut, because each of these loses channels or spherical
metadata. It decides nothing; what is not there or not offered fails with a kind
(:mod:`yt360.crawling.failures`).
"""

from __future__ import annotations

import functools
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from yt360.crawling import info as infos
from yt360.crawling import kept_ids
from yt360.crawling.access import Access, resolve_address, site_of
from yt360.crawling.failures import CrawlError, classify
from yt360.crawling.formats import SOUND, Choice, picture_selectors, sort_order
from yt360.crawling.listing import Listed, read_listing, write_listing
from yt360.crawling.listings import LISTED, Listings
from yt360.crawling.media_kind import MediaKind, extension
from yt360.crawling.own_files import OwnFiles
from yt360.crawling.rate_limit import RateLimiter, Slot
from yt360.crawling.removed_ids import Tombstones
from yt360.crawling.targets import LISTING, NAME_IT, page_of
from yt360.crawling.text import clean_text
from yt360.engine.stage import (
    AlikeItems,
    Context,
    DatasetView,
    Done,
    Failed,
    Filtered,
    Item,
    Outcome,
    Resources,
    Stage,
    StageParams,
)
from yt360.errors import ItemError
from yt360.redaction import secret_in
from yt360.settings import SecretError, Settings, unit

if TYPE_CHECKING:
    from yt360.crawling.discovery import Discovery
    from yt360.crawling.download import Downloader, Fetched

log = logging.getLogger("yt360.crawl")

_COPY_BLOCK = 4 << 20


class CrawlParams(StageParams):
    """What is crawled, in which form, and how politely."""

    source: str | tuple[str, ...] = Field(
        default="",
        description="What to crawl, one text or a list: a folder, a list file, a URL, a channel, a playlist, a YouTube "
        "id, or ytsearchN:QUERY. Changing it crawls nothing again.",
    )
    limit: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        json_schema_extra=unit("videos"),
        description="Videos taken from each channel, playlist or search; null takes all. Changing it crawls nothing "
        "again.",
    )
    access: Access = Field(
        default=Access(), description="Where and how politely to ask. Changing any of it crawls nothing again."
    )
    local_files: Literal["copy", "hardlink"] = Field(
        default="copy", description="Whether the files of a folder are copied or hard-linked (which needs no space)."
    )
    lowest_picture: Annotated[int, Field(ge=1)] = Field(
        default=720,
        json_schema_extra=unit("rows"),
        description="Least height of the picture as delivered (an EAC frame is larger than what it shows).",
    )
    highest_picture: Annotated[int, Field(ge=1)] = Field(
        default=1080,
        json_schema_extra=unit("rows"),
        description="Greatest height of the picture as delivered. Raising it costs bandwidth and disk.",
    )
    projection: Literal["any", "equirectangular", "mesh"] = Field(
        default="any", description="Which of the two projections that YouTube delivers is preferred."
    )
    sort: tuple[str, ...] = Field(
        default=("vcodec:vp9", "proto"), description="yt-dlp's format sorting (-S) among pictures of equal height."
    )
    labelled_sites: tuple[str, ...] = Field(
        default=("youtube",),
        description="Sites (yt-dlp's extractor names) that label 360° pictures and ambisonics. From any other the best "
        "file is taken, and validate finds out what it is.",
    )
    check_arrived: bool = Field(
        default=True,
        description="Look into what arrives from a labelled site, and try another format or client when it is not what "
        "its label said.",
    )

    @field_validator("source")
    @classmethod
    def _no_secrets_in_addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for text in [value] if isinstance(value, str) else value:
            if found := secret_in(text):
                raise SecretError(f"an address holds {found}, which must not stand in a recipe; {NAME_IT}")
        return value

    @model_validator(mode="after")
    def _ordered(self) -> CrawlParams:
        if self.lowest_picture > self.highest_picture:
            raise ValueError(
                f"expected lowest_picture <= highest_picture, found {self.lowest_picture} > {self.highest_picture}"
            )
        return self


PARTIAL = "crawl-partial"
"""Folder below the root's state that holds files between their download and the record of it."""


class Crawl(Stage):
    """See the module's text."""

    name: ClassVar[str] = "crawl"
    item_kind: ClassVar[str] = "video"
    version: ClassVar[int] = 1
    params_type: ClassVar[type[Settings]] = CrawlParams
    # Waiting for a slot and for the end of a site's pause is part of an attempt, so it may take long.
    needs = Resources(cpus=0.5, memory_mb=1024, timeout_s=3 * 86_400.0, max_attempts=4, grace_s=10.0)
    unkeyed: ClassVar[frozenset[str]] = frozenset({"source", "limit", "access"})
    params_vary_with: ClassVar[str] = "source"
    id_in_key: ClassVar[str] = "item"
    host_local: ClassVar[frozenset[str]] = frozenset({PARTIAL, "crawl-guest", "yt-dlp-cache"})

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self._said: dict[str, dict[str, Any]] = {}
        self._known: dict[str, dict[str, Any]] = {}
        self._kept: kept_ids.KeptIds = {}

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        """The videos that ``source`` means. Raises :class:`UsageError` when that is nothing."""
        for found in self.plan_in_blocks(dataset):
            if isinstance(found, Item):
                yield found
            else:
                yield from map(found.make, found.names)

    def plan_in_blocks(self, dataset: DatasetView) -> Iterator[Item | AlikeItems]:
        """The same; ids of a list come many at once. Raises as :meth:`plan` does."""
        from yt360.crawling.sources import expand_in_blocks, youtube

        listings = Listings(
            lambda: self._discovery(dataset.state_dir), self.params.limit, lambda: dataset.records(self.name)
        )
        buried = Tombstones(dataset.state_dir)
        self._kept = kept_ids.read(dataset)
        listed = Listed()
        own = OwnFiles(dataset.state_dir.parent)
        skipped = 0
        warned = False
        renamed = functools.partial(kept_ids.under_kept_id, kept=self._kept)
        # Where ids are kept or were removed, each video is looked at by itself.
        singly = renamed if self._kept or buried.held else None
        for target in expand_in_blocks(self.params.source, listings.videos, listed.note, singly):
            if not warned and (isinstance(target, list) or target.identity["source"] == "youtube"):
                warned = True
                self._look_for_runtime()
            if isinstance(target, list):
                yield AlikeItems(target, lambda name: youtube(name).item())
                continue
            item = target.item()
            if buried.keep_out(target, item.id):
                skipped += 1
                continue
            own.refuse(target)
            yield item
        self._known = read_listing(dataset)
        self._said = {**self._known, **listed.said}
        if skipped:
            log.info("%d videos of crawl.source were removed from this root and stay away", skipped)

    def prepare_host(self) -> None:
        """Refuse settings with which no video could be asked for: they would fail one by one, for good."""
        self.params.access.require_secrets()

    def remember(self, dataset: DatasetView, items: Sequence[Item]) -> None:
        """Write down what tables say; remove what was kept for resuming videos that have their record by now."""
        write_listing(dataset, self._said, self._known)
        kept_ids.write(dataset, self._kept)
        keeping = dataset.state_dir / PARTIAL
        kept = {folder.name for folder in keeping.iterdir()} if keeping.is_dir() else set()
        records = dataset.records(self.name) if kept else {}
        for item in items if kept else ():
            record = records.get(item.id) if item.id in kept else None
            if record is not None and record.status == "done" and record.key == self.key(item):
                shutil.rmtree(keeping / item.id, ignore_errors=True)

    def process(self, item: Item, context: Context) -> Outcome:
        """Fetch or copy the files of one video into the work folder."""
        if LISTING in item.hints:
            return self._list(item, context.state)
        try:
            if any(name.endswith("_file") for name in item.hints):
                return self._take_files(item, context.workdir, "file", self._take_local)
            if any(name.endswith("_stored") for name in item.hints):
                return self._take_files(item, context.workdir, "stored", self._take_stored)
            return self._fetch(item, context)
        except CrawlError as error:
            keeping = context.state / PARTIAL / item.id
            if error.kind == "disk-full" and keeping.is_dir():  # its own file may be what filled it
                error = CrawlError("no-room", str(error))
            if error.kind == "disk-full":
                raise  # the engine stops the run and does not blame the item
            if error.rule.retry != "soon":
                shutil.rmtree(keeping, ignore_errors=True)
            return Failed(error.kind, str(error), error.retryable)

    def check_output(self, name: str, path: Path) -> None:
        """``info`` has to be readable; whether a media file is whole and what it holds is for ``validate`` to say."""
        if name == "info":
            infos.read(path)

    def keyed_params(self, kind: str = "") -> dict[str, Any]:
        """The parameters that change what is taken from a kind of source (``file``, ``url``, ``store``, or a site)."""
        params = super().keyed_params(kind)
        if kind == "file":
            return {"local_files": params["local_files"]}
        params.pop("local_files")
        return {} if kind in ("url", "store", LISTING) else params

    def _look_for_runtime(self) -> None:
        from yt360.crawling.runtime import explain_missing, find_runtime

        wanted = self.params.access.js_runtimes
        if not find_runtime(wanted):
            log.warning("%s", explain_missing(wanted))

    def _discovery(self, state: Path) -> Discovery:
        # Half a second to import, and only lists of videos need it.
        from yt360.crawling.discovery import Discovery

        return Discovery(state, self.params.access)

    def _list(self, item: Item, state: Path) -> Outcome:
        """What became of a channel, playlist or search that could not be listed; ``--retry`` asks again."""
        url = item.hints[LISTING]
        if LISTED in item.hints:
            return Filtered(LISTED, f"{clean_text(url)}: it can be listed again; its videos are items of their own")
        if "kind" in item.hints:
            return Failed(item.hints["kind"], item.hints["error"])
        try:
            found = sum(1 for _ in self._discovery(state).videos(url, self.params.limit))
        except CrawlError as error:
            return Failed(error.kind, str(error))
        return Filtered(LISTED, f"{clean_text(url)}: {found} videos, which the next run crawls")

    def _take_files(self, item: Item, workdir: Path, way: str, take: Callable[[str, Path], None]) -> Outcome:
        """Files that only have to be copied; ``way`` ends the names of the hints that say where they are."""
        outputs: dict[str, str] = {}
        named: dict[str, str] = {}
        for role in _ROLES:
            if source := item.hints.get(f"{role}_{way}"):
                base = re.split(r"[/\\]", source)[-1]
                outputs[role] = f"{role}.{extension(base)}"
                named[role] = clean_text(base, 255)
                take(source, workdir / outputs[role])
        described: dict[str, Any] = {"id": item.id}
        if source := item.hints.get(f"info_{way}"):
            take(source, workdir / "given.info.json")
            described = infos.sanitise(infos.read(workdir / "given.info.json"))
        described.setdefault("extractor", way)
        infos.write(workdir / "info.json", {**described, "files": named})
        return Done({**outputs, "info": "info.json"}, {"site": way, **_sizes(workdir, outputs), **_told(described)})

    def _take_local(self, source: str, target: Path) -> None:
        _take(Path(source), target, link=self.params.local_files == "hardlink")

    def _take_stored(self, source: str, target: Path) -> None:
        from yt360.crawling.object_store import take

        take(source, target)

    def _fetch(self, item: Item, context: Context) -> Outcome:
        from yt360.crawling.download import link_into

        workdir = context.workdir
        fetched = self._ask(item, context.state, fetch=True)
        outputs = link_into(workdir, fetched.files)
        described = infos.sanitise(fetched.info) if fetched.info else {"id": item.id, "extractor": "url"}
        infos.write(workdir / "info.json", infos.with_choices(described, fetched.choices))
        measures = {**fetched.measures, **_sizes(workdir, outputs)}
        return Done({**outputs, "info": "info.json"}, {**measures, **_told(described)})

    def look(self, item: Item, state: Path) -> Fetched:
        """What would be fetched for an item, without fetching it; raises :class:`CrawlError`.

        ``state`` is the folder in which the pace of requests is kept.
        """
        from yt360.crawling.download import Fetched

        if item.meta["source"] in ("file", "store"):
            sizes = {role: {"filesize": item.meta[role][0]} for role in _ROLES if role in item.meta}
            return Fetched(choices={role: Choice(role, one, "given") for role, one in sizes.items()})
        return self._ask(item, state, fetch=False)

    def _ask(self, item: Item, state: Path, *, fetch: bool) -> Fetched:
        """Wait for a slot to the item's site; then fetch it, or only look."""
        access: Access = self.params.access
        urls: dict[MediaKind, str] = {role: item.hints[role] for role in _ROLES if item.hints.get(role)}
        page = page_of(item)
        if not urls and not page:
            raise ItemError("wrong-use", f"{item.id}: expected hints that say where it is, found {sorted(item.hints)}")

        def attempt(slot: Slot) -> Fetched:
            downloader = self._downloader(item, state, slot)
            if page:
                address = resolve_address(page)
                return downloader.fetch_page(address) if fetch else downloader.look_at_page(address)
            addresses = {role: resolve_address(url) for role, url in urls.items()}
            return downloader.fetch_files(addresses) if fetch else downloader.look_at_files(addresses)

        if page:
            # Half a second the first time; in a slot it would let the next video come too close behind this one.
            from yt360.crawling.discovery import extractor_for

            extractor_for(page)
        # A page of another host may be a video of YouTube all the same: its pace is kept.
        site = "youtube" if item.meta["source"] == "youtube" else site_of(page or next(iter(urls.values())))
        return RateLimiter(access.rate_limit_folder or state / "crawl-guest", site, access).call(attempt)

    def _downloader(self, item: Item, state: Path, slot: Slot) -> Downloader:
        from yt360.crawling.download import Downloader
        from yt360.crawling.download_check import mismatch
        from yt360.crawling.selection import Wanted

        params: CrawlParams = self.params
        wanted = Wanted(
            picture_selectors(params.lowest_picture, params.highest_picture, params.projection),
            SOUND,
            sort_order(params.highest_picture, params.sort),
            params.labelled_sites,
            mismatch if params.check_arrived else _believe,
        )
        return Downloader(
            params.access,
            wanted,
            state / PARTIAL / item.id,
            cache=state / "yt-dlp-cache",
            address=slot.address,
            subject=item.id,
            asked=slot.asked,
        )


_ROLES: tuple[MediaKind, ...] = ("video", "sound")
_TOLD = ("title", "channel", "channel_id", "license", "upload_date")


def _believe(role: MediaKind, path: Path) -> str:
    """A check that finds nothing."""
    return ""


def _size(source: Path) -> int:
    """Bytes of a local file; raises :class:`CrawlError` when there are none."""
    try:
        size = source.stat().st_size
    except OSError as error:
        raise CrawlError("not-found", f"{source}: expected a media file, found nothing; was it moved?") from error
    if size == 0:
        raise CrawlError("empty-file", f"{source}: expected a media file, found 0 bytes; replace or remove it")
    return size


def _take(source: Path, target: Path, *, link: bool) -> None:
    """Copy or link one local file; its content is not looked at."""
    size = _size(source)
    try:
        if link:
            try:
                os.link(source.resolve(), target)
                return
            except OSError as error:
                log.info("%s: cannot be hard-linked (%s); copied", source, error.strerror)
        free = shutil.disk_usage(target.parent).free
        if size > free:  # one file that is too large for this disk does not end the run for the others
            raise CrawlError(
                "no-room",
                f"{source}: {size / 1e9:.2f} GB, {free / 1e9:.2f} GB free on the disk of {target.parent}; free some "
                "space, then --retry no-room (or set crawl.local_files=hardlink)",
            )
        with source.open("rb") as reading, target.open("wb") as writing:
            shutil.copyfileobj(reading, writing, _COPY_BLOCK)
    except PermissionError as error:
        raise CrawlError("unreadable", f"{source}: expected a readable file, found: {error.strerror}") from error
    except OSError as error:
        raise classify(error, str(source)) from error
    if target.stat().st_size != size:
        copied = target.stat().st_size
        raise CrawlError("incomplete", f"{source}: expected {size} bytes, copied {copied}; is it being written?")


def _told(described: Mapping[str, Any]) -> dict[str, Any]:
    """What the site says about a video, as far as the manifests carry it."""
    told = {name: described[name] for name in _TOLD if described.get(name)}
    if "webpage_url" in described:
        told["url"] = described["webpage_url"]
    if "duration" in described:
        told["told_duration_s"] = described["duration"]
    return told


def _sizes(workdir: Path, outputs: Mapping[str, str]) -> dict[str, Any]:
    return {"bytes": {role: (workdir / name).stat().st_size for role, name in outputs.items()}}
