"""Ids that addresses have in roots of earlier versions, where an id depended on what else was listed.

An address that a root already knows under an id keeps it, so nothing is crawled twice. What is kept are digests of
addresses: ``state/crawl-ids.json``, written once, from the plan that the root was last crawled by.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from yt360.crawling.targets import CrawlTarget, address_digest, address_of, name_of_url
from yt360.engine.stage import DatasetView, Item
from yt360.errors import UsageError
from yt360.files import atomic_write_text, parse_json, require_checksum, with_checksum
from yt360.hashing import safe_id

NAME = "crawl-ids.json"

KeptIds = Mapping[str, tuple[str, str]]
"""Digest of an address -> the item's id, and the name that is part of its key (a page's; else empty)."""


def read(dataset: DatasetView) -> dict[str, tuple[str, str]]:
    """The ids that this root keeps. Raises :class:`UsageError` where the file holds something else."""
    path = dataset.state_dir / NAME
    if not path.is_file():
        known = (_of(entry.item) for entry in dataset.entries("crawl").values()) if "crawl" in dataset.stages else ()
        return {digest: kept for found in known if found is not None for digest, kept in [found]}
    try:
        held = parse_json(path.read_text(encoding="utf-8"))
        if isinstance(held, dict):  # earlier versions wrote the list alone
            require_checksum(held)
            held = held["addresses"]
        return {str(each["address"]): (str(each["id"]), str(each["name"])) for each in held}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{path}: expected ids of addresses (JSON), found something else ({type(error).__name__}); restore it, or "
            "delete it: addresses that an earlier version crawled then get new ids, and are crawled again"
        ) from error


def write(dataset: DatasetView, kept: KeptIds) -> None:
    """Keep them. Called with the root's lock held."""
    path = dataset.state_dir / NAME
    if not path.is_file():
        rows = [{"address": address, "id": kept[address][0], "name": kept[address][1]} for address in sorted(kept)]
        atomic_write_text(path, json.dumps(with_checksum({"addresses": rows}), indent=1) + "\n")


def under_kept_id(target: CrawlTarget, kept: KeptIds) -> CrawlTarget:
    """The same under the id that its address already has here, unless the list itself names it."""
    if not kept or target.named or not (address := address_of(target.where)):
        return target
    found = kept.get(address_digest(address))
    if found is None:
        return target
    identity = {**target.identity, "video": found[1]} if found[1] else target.identity
    return replace(target, name=found[0], identity=identity)


def _of(item: Item) -> tuple[str, tuple[str, str]] | None:
    """What has to be kept of an item: nothing where its address gives the same id today."""
    address = address_of(item.hints)
    if not address or safe_id(name_of_url(address)) == item.id:
        return None
    return address_digest(address), (item.id, str(item.meta.get("video", "")) if "page" in item.hints else "")
