"""From what a person writes as ``crawl.source`` to the videos that it means, in a fixed order, each once.

Other packages add sources: an entry point of the group ``yt360.sources`` makes its name a prefix, and
``crawl.source=NAME:WHAT`` calls the function that it points to with ``WHAT``. The function yields the videos, in the
same order each time: either text as it may stand in a list (an address, ``NAME=ADDRESS``, a picture's and a sound's
address, a path, a YouTube id) or :class:`~yt360.crawling.targets.CrawlTarget`. It only lists; the crawl fetches.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from yt360 import shipped
from yt360.crawling import folder, tables
from yt360.crawling.access import site_of
from yt360.crawling.list_files import read_lines, without_note
from yt360.crawling.media_kind import extension, media_kind_of
from yt360.crawling.targets import (
    LISTING,
    NAME_IT,
    CrawlTarget,
    direct,
    name_of_url,
    page,
)
from yt360.crawling.text import clean_text, public_url
from yt360.crawling.youtube import (
    YOUTUBE_ID,
    is_broken,
    is_youtube,
    with_scheme,
    youtube_address,
    youtube_id,
)
from yt360.errors import UsageError
from yt360.hashing import safe_id
from yt360.plugins import Plugin, announced, load_plugin
from yt360.redaction import hide, secret_in

log = logging.getLogger("yt360.crawl")

EXPECTED = (
    "a folder of media files, a media file, a list of addresses or ids in a .txt file, a table of segments in a .csv "
    "or .tsv file, an http(s) address, a store's prefix (s3://bucket/prefix), an 11-character YouTube id, a search "
    "(ytsearch50:spatial audio 360), a channel, playlist or search address, yt360-2020 (the published list), "
    "yt360-queries (searches that find 360° videos), or PREFIX:WHAT of a package that brings a source of its own"
)

QUERIES = "yt360-queries"
"""Name of the search addresses that come with yt360."""

PLUGINS = "yt360.sources"
"""Entry-point group of sources that other packages bring."""

Note = Callable[[CrawlTarget], None]
"""Takes what one mention of a video says of its segments and its side."""

Expand = Callable[[str], Iterator[CrawlTarget]]
"""Lists the videos of a channel, playlist or search (see :class:`yt360.crawling.discovery.Discovery`)."""

YoutubeIds = list[str]
"""Videos of YouTube that a list names by their ids, thousands at once: nothing else is said of them."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9_.+-]*):(?://)?(.*)", re.DOTALL)
_OWN_PREFIXES = frozenset(("http", "https", "file", tables.PUBLISHED, QUERIES))
_SEARCH = re.compile(r"[a-z0-9_.]+search[a-z]*(\d+|all)?:", re.IGNORECASE)
_NAMED = re.compile(r"([^\s=:/?#]{1,200})\s*=\s*(\S.*)")
_LISTS = frozenset(("txt", "list", "lst", ""))
_IDS_AT_ONCE = 10_000
_MOST_BESIDE = 100_000
"""Names beside a list that are kept, so that not every line of it is asked for as a file."""

_TABLES = frozenset(("csv", "tsv"))
_LINE = (
    "one video a line: an address, an 11-character YouTube id, a path, PICTURE SOUND, NAME=ADDRESS, or a search "
    "(ytsearch50:spatial audio 360)"
)


def expand_sources(
    sources: str | Sequence[str],
    expand: Expand,
    note: Note = lambda _: None,
    renamed: Callable[[CrawlTarget], CrawlTarget] = lambda target: target,
) -> Iterator[CrawlTarget]:
    """All videos of ``sources`` in order, each once; ``note`` hears of every mention that says something of a video.

    ``renamed`` may give a video another name before it is looked for among the others.

    Raises :class:`UsageError` when there is none, or when two different videos would get one id.
    """
    yield from _each(expand_in_blocks(sources, expand, note, renamed))


def expand_in_blocks(
    sources: str | Sequence[str],
    expand: Expand,
    note: Note = lambda _: None,
    renamed: Callable[[CrawlTarget], CrawlTarget] | None = None,
) -> Iterator[CrawlTarget | YoutubeIds]:
    """The same, where ids of a list may come many at once (:func:`youtube` of each), if nothing is to be ``renamed``.

    Raises as :func:`expand_sources` does.
    """
    given = [sources] if isinstance(sources, str) else list(sources)
    if not any(text.strip() for text in given):
        raise UsageError(f"crawl.source is empty: expected {EXPECTED}; set it with --set crawl.source=…")
    found = (target for text in given if text.strip() for target in _one(text.strip(), expand, Path()))
    nothing = True
    for target in _once(found if renamed is None else map(renamed, _each(found)), note):
        nothing = False
        yield target
    if nothing:
        raise UsageError(f"crawl.source = {clean_text(given, 300)}: expected {EXPECTED}, found no video in it")


def _each(found: Iterable[CrawlTarget | YoutubeIds]) -> Iterator[CrawlTarget]:
    for target in found:
        if isinstance(target, CrawlTarget):
            yield target
        else:
            yield from map(youtube, target)


def _once(found: Iterable[CrawlTarget | YoutubeIds], note: Note) -> Iterator[CrawlTarget | YoutubeIds]:
    """Each video once."""
    seen: dict[str, int] = {}
    alike: dict[str, int] = {}
    for target in found:
        if not isinstance(target, CrawlTarget):
            new = {name: _same_page("youtube", name) for name in target if name not in seen}
            for name in target if len(new) < len(target) else ():
                if name in seen and seen[name] != _same_page("youtube", name):
                    raise _clash(youtube(name))
            seen |= new
            if new:
                yield list(new)
            continue
        identifier = safe_id(target.name)
        known = seen.get(identifier)
        if known is not None and known != _same(target):
            raise _clash(target)
        if target.notes:
            note(replace(target, name=identifier))
        if known is None:
            seen[identifier] = _same(target)
            if target.identity.get("source") == "url" and not target.named:
                base = target.name.rpartition("-")[0]
                alike[base] = alike.get(base, 0) + 1
            yield target
    if doubled := sorted(base for base, count in alike.items() if count > 1):
        log.info(
            "%d file names stand in several addresses of the source (%s): each address is a video of its own",
            len(doubled),
            clean_text(", ".join(doubled[:5]), 200),
        )


def _clash(target: CrawlTarget) -> UsageError:
    said = public_url(target.said) if "://" in target.said else target.said
    return UsageError(
        f"{clean_text(said, 200)}: another video of this source has the id {target.name!r} too; "
        "give one of them a name of its own in the list: NAME=ADDRESS"
    )


def _same(target: CrawlTarget) -> int:
    """What two mentions of one video agree in; a number, because a source may mention very many."""
    if "page" in target.where or target.identity["source"] == LISTING:
        return _same_page(target.identity["source"], target.identity["video"])
    return hash(tuple(sorted(target.where.items())))


def _same_page(source: str, video: str) -> int:
    return hash(("page", source, video))


def _one(text: str, expand: Expand, base: Path, *, lists: bool = True) -> Iterator[CrawlTarget | YoutubeIds]:
    """The videos that one text means; paths are relative to ``base``. ``lists`` is false inside a list."""
    _require_no_secret(text)
    if _SEARCH.match(text):
        yield from expand(text)
        return
    if text.partition(":")[0] == tables.PUBLISHED:
        yield from (_with_notes(youtube(row.video), row) for row in tables.published(text.partition(":")[2]))
        return
    if text == QUERIES:
        yield from _listed(shipped.path("manifests/queries.txt"), expand)
        return
    prefix = _PREFIX.fullmatch(text)
    if prefix and prefix[1] not in _OWN_PREFIXES and (plugin := announced(PLUGINS).get(prefix[1])):
        yield from _of_plugin(prefix[1], plugin, prefix[2], expand)
        return
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() == "file":
        text = unquote(urlsplit(text).path)
    elif scheme and scheme[1].lower() not in ("http", "https"):
        yield from _stored(text, scheme[1].lower())
        return
    elif scheme:
        yield from _address(text, expand, "")
        return
    path = base / os.path.expanduser(text)
    mode = _mode(path)
    if not mode and with_scheme(text) != text:
        yield from _address(with_scheme(text), expand, "")
        return
    is_file = stat.S_ISREG(mode)
    if stat.S_ISFIFO(mode):
        raise UsageError(
            f"crawl.source: {clean_text(text, 200)} is a pipe, which can be read once, and later runs read the source "
            "again; write what it says into a file and name that"
        )
    if stat.S_ISDIR(mode):
        yield from folder.scan_folder(path)
    elif is_file and lists and media_kind_of(path.name) is None and extension(path.name) in _LISTS:
        yield from _listed(path, expand)
    elif is_file and lists and extension(path.name) in _TABLES:
        yield from _tabled(path, expand)
    elif is_file:
        yield folder.single_file(path)
    elif YOUTUBE_ID.fullmatch(text):
        yield youtube(text)
    else:
        missing = ", and no file or folder of that name exists" if "/" in text or extension(text) else ""
        expected = f"crawl.source: expected {EXPECTED}" if lists else f"expected {_LINE}"
        raise UsageError(f"{expected}; found {clean_text(text, 200)!r}{missing}")


def _mode(path: Path) -> int:
    """What a path is, as :func:`os.stat` says it; 0 where there is nothing."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _of_plugin(name: str, plugin: Plugin, what: str, expand: Expand) -> Iterator[CrawlTarget]:
    """The videos that another package's source lists; whatever it raises names it."""
    said = f"crawl.source {name}:{clean_text(what, 100)}"
    source = load_plugin(f"source {name!r}", plugin)
    try:
        for number, found in enumerate(source(what), 1):
            if isinstance(found, CrawlTarget):
                yield found
            elif isinstance(found, str):
                yield from _line(found.strip(), expand, Path())
            else:
                raise UsageError(f"expected text or a CrawlTarget, found {type(found).__name__}, number {number}")
    except UsageError as error:
        raise UsageError(f"{said} ({plugin.path}): {error}") from error
    except Exception as error:
        raise UsageError(f"{said} ({plugin.path}) failed: {type(error).__name__}: {error}") from error


def youtube(name: str) -> CrawlTarget:
    """A YouTube video by its id."""
    return page("youtube", name, youtube_address(name))


def _stored(url: str, scheme: str) -> Iterator[CrawlTarget]:
    """Files of an object store."""
    from yt360.crawling.object_store import is_store, scan_store

    if not is_store(scheme):
        raise UsageError(
            f"{clean_text(url, 200)}: expected an http or https address, or a store that fsspec knows (s3://…), "
            f"found {scheme}://"
        )
    yield from scan_store(url)


def _address(url: str, expand: Expand, name: str) -> Iterator[CrawlTarget]:
    video = youtube_id(url)
    if video:
        target = youtube(video)
        yield replace(target, name=name or target.name, named=bool(name))
    elif role := media_kind_of(unquote(urlsplit(url).path).rpartition("/")[2]):
        yield direct(**{"video": None, "sound": None, role: url}, name=name)
    elif is_broken(url):
        raise UsageError(f"{clean_text(public_url(url), 200)}: expected the 11 characters of a video's id in it")
    elif is_youtube(url):
        yield from _expanded(url, expand, name)
    else:
        yield from _site(url, expand, name)


def _expanded(url: str, expand: Expand, name: str) -> Iterator[CrawlTarget]:
    """The videos of a listing; with a ``name`` the one that it may hold."""
    if name:
        yield _only(list(expand(url)), name)
    else:
        yield from expand(url)


def _only(found: list[CrawlTarget], name: str) -> CrawlTarget:
    """The one video behind a name that a list gives it."""
    if len(found) != 1:
        raise UsageError(f"{name}=: expected one video behind the name, found {len(found)}")
    return found[0] if found[0].identity["source"] == LISTING else replace(found[0], name=name, named=True)


def _site(url: str, expand: Expand, name: str) -> Iterator[CrawlTarget]:
    """An address of another site: yt-dlp knows from its form whether it is one video or a list of them."""
    from yt360.crawling.discovery import extractor_for, is_listing

    if is_listing(url):
        yield from _expanded(url, expand, name)
        return
    extractor = extractor_for(url)
    found = extractor.get_temp_id(url) if extractor is not None and hasattr(extractor, "get_temp_id") else None
    site = extractor.ie_key().lower() if extractor is not None else site_of(url)
    if site == "youtube" and found:
        target = youtube(found)
        yield replace(target, name=name or target.name, named=bool(name))
        return
    target = page(site, found or name_of_url(url), url)
    yield replace(target, name=name or target.name, named=bool(name))


def _listed(path: Path, expand: Expand) -> Iterator[CrawlTarget | YoutubeIds]:
    """The lines of a list: ``ADDRESS``, ``ID``, a path, ``PICTURE SOUND``, each with ``NAME=`` before it if wanted."""
    lines, beside = 0, _names(path.parent)
    ids: YoutubeIds = []
    for number, text in read_lines(path):
        lines += 1
        # As :func:`_line` would find: nothing else looks like an id, but a file of that name.
        if beside is not None and YOUTUBE_ID.fullmatch(text) and text not in beside:
            ids.append(text)
            if len(ids) == _IDS_AT_ONCE:
                yield ids
                ids = []
            continue
        if ids:
            yield ids
            ids = []
        try:
            # A file may be called so; anything else is a comment behind a video, or quotes around it.
            plain = without_note(text)
            yield from _line(text if text == plain or _mode(path.parent / text) else plain, expand, path.parent)
        except UsageError as error:
            raise UsageError(f"{path}, line {number}: {error}") from error
    if ids:
        yield ids
    if not lines:
        raise UsageError(f"{path}: expected addresses or ids, one a line, found none")


def _names(folder: Path) -> frozenset[str] | None:
    """What lies in a folder; ``None`` where it cannot be listed, or is so full that a list would be smaller."""
    try:
        with os.scandir(folder) as found:
            names = frozenset(entry.name for entry in islice(found, _MOST_BESIDE + 1))
    except OSError:
        return None
    return names if len(names) <= _MOST_BESIDE else None


def _tabled(path: Path, expand: Expand) -> Iterator[CrawlTarget]:
    """The videos of a table, with what it says of their segments."""
    for row in tables.read_table(path).values():
        try:
            found = list(_line(row.video, _refuse_list if row.segments else expand, path.parent))
            if row.segments and len(found) > 1:
                _refuse_list(row.video)
        except UsageError as error:
            raise UsageError(f"{path}, line {row.line}: {error}") from error
        yield from (_with_notes(target, row) for target in found)


def _refuse_list(text: str) -> NoReturn:
    """Segments are of one video: those of a list would be cut from every video in it."""
    raise UsageError(
        f"{clean_text(public_url(text) if '://' in text else text, 200)}: expected one video where segments are given, "
        "found a list of videos (a playlist, channel, search or folder); give each video a row of its own, or take "
        "the segments out"
    )


def _with_notes(target: CrawlTarget, row: tables.ListedVideo) -> CrawlTarget:
    return target if target.identity["source"] == LISTING else replace(target, notes=row.notes())


def _line(text: str, expand: Expand, base: Path) -> Iterator[CrawlTarget]:
    _require_no_secret(text)
    name = ""
    if match := _NAMED.fullmatch(text):
        name, text = match[1], match[2]
    words = text.split()
    if len(words) == 2 and all(_SCHEME.match(word) for word in words):
        yield _pair(words, name)
    elif text.lower().startswith(("http://", "https://")):
        if len(words) > 1:
            raise UsageError(f"expected one address, or those of a picture and a sound file, found {len(words)} words")
        yield from _address(text, expand, name)
    elif name:
        yield _only(list(_each(_one(text, expand, base, lists=False))), name)
    else:
        yield from _each(_one(text, expand, base, lists=False))


def _require_no_secret(text: str) -> None:
    """Refuse an address that holds a secret, without repeating it: ids, plans and records are made of addresses."""
    if found := secret_in(text):
        raise UsageError(f"{_host_of(text)}: this address holds {found}; {NAME_IT}")
    named = _NAMED.fullmatch(text)
    for word in (named[2] if named else text).split():
        if _SCHEME.match(word):
            try:
                urlsplit(word).port  # noqa: B018 - raises where host or port are malformed
                if word.lower().startswith(("http:", "https:")) and not urlsplit(word).hostname:
                    raise ValueError("no host")
            except ValueError as error:
                raise UsageError(
                    f"{clean_text(hide(text), 200)}: expected an address, found one with {error}"
                ) from error


def _host_of(text: str) -> str:
    """An address that holds a secret, as far as it can be shown: the rest of it may be one, too."""
    word = next((word for word in text.split() if "://" in word), "")
    try:
        parts = urlsplit(word.partition("=")[2] if _NAMED.fullmatch(word) else word)
        return clean_text(f"{parts.scheme}://{parts.hostname or ''}/…", 100)
    except ValueError:
        return "an address"


def _pair(urls: list[str], name: str) -> CrawlTarget:
    """Picture and sound of one video; the order does not matter where the extensions tell."""
    for url in urls:
        if url.partition("://")[0].lower() not in ("http", "https"):
            raise UsageError(f"{clean_text(url, 200)}: expected an http or https address")
    roles = [media_kind_of(unquote(urlsplit(url).path).rpartition("/")[2]) for url in urls]
    picture, sound = reversed(urls) if roles[0] == "sound" and roles[1] != "sound" else urls
    return direct(picture, sound, name)
