"""Where a model's weights come from: a path, an address, or the cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from yt360.errors import UsageError, Yt360Error

_BLOCK = 1 << 20
_TIMEOUT_S = 30.0
_TRIES = 4
_ZOO = "https://dl.fbaipublicfiles.com/detectron2/COCO-PanopticSegmentation/"


class MissingModelError(UsageError):
    """What a model stands on is not on this machine: its weights, or a package. The settings are not to blame."""


class MissingWeightsError(MissingModelError):
    """Weights are neither here nor available: the message says which file to fetch and where to put it."""


@dataclass(frozen=True)
class Published:
    """A published checkpoint: its address, and the licence of the weights."""

    url: str
    licence: str

    @property
    def file(self) -> str:
        return self.url.rpartition("/")[2]


PUBLISHED = {
    "panoptic-fpn-r101": Published(_ZOO + "panoptic_fpn_R_101_3x/139514519/model_final_cafdb1.pkl", "CC BY-SA 3.0"),
    "panoptic-fpn-r50": Published(_ZOO + "panoptic_fpn_R_50_3x/139514569/model_final_c10459.pkl", "CC BY-SA 3.0"),
}
"""Trained on COCO for 3x by the authors of detectron2 (its model zoo)."""


def cache_folder() -> Path:
    """``$YT360_CACHE``, or the user's cache folder."""
    own = os.environ.get("YT360_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "yt360"


def find(model: str, weights: str = "", sha256: str = "", *, download: bool = True) -> Path:
    """A local file with the weights of ``model``.

    ``weights`` is a path or an address; empty means the published file. In the cache folder a file
    converted to safetensors goes before the pickle. With ``download`` an address is fetched if it is
    not in the cache yet. ``sha256`` is what the file's digest must begin with.

    Raises :class:`MissingWeightsError` where an address cannot be fetched, :class:`UsageError` where a path leads to no
    file, and for a wrong digest.
    """
    if path := named_file(model, weights):
        _check(path, sha256)
        return path
    if not weights and model not in PUBLISHED:
        raise MissingWeightsError(f"{model}: no published weights are known; name a file or an address")
    url = weights or PUBLISHED[model].url
    name = url.rpartition("/")[2].partition("?")[0] or model
    # Published files of different models may share a name.
    path = cache_folder() / "weights" / (f"{model}-{name}" if weights else name)
    converted = path.with_suffix(".safetensors")
    for candidate in (path,) if sha256 else (converted, path):
        if candidate.is_file():
            _check(candidate, sha256)
            return candidate
    advice = f"fetch {url} elsewhere and put it at {path} (or name the file with --weights / segment.weights)"
    if not download:
        raise MissingWeightsError(f"{model}: the weights are not on this machine; {advice}")
    try:
        fetch(url, path, sha256)
    except (OSError, TransferError) as error:
        raise MissingWeightsError(
            f"{model}: the weights are not on this machine and could not be fetched ({error}); {advice}"
        ) from error
    return path


def named_file(model: str, weights: str) -> Path | None:
    """The file that ``weights`` names; ``None`` for an address, or where nothing is named.

    Raises :class:`UsageError` when there is no such file.
    """
    if not weights or _is_address(weights):
        return None
    path = Path(weights).expanduser()
    if not path.is_file():
        raise UsageError(f"{path}: expected the weights of {model}, found no such file")
    return path


class TransferError(Yt360Error):
    """A download that did not bring the whole file. What came is kept, and the next try goes on from there."""


def fetch(url: str, path: Path, sha256: str = "", *, tries: int = _TRIES) -> None:
    """Download to ``path``, going on where an earlier try broke off; the file appears whole or not at all.

    Raises :class:`TransferError` or :class:`OSError` when the file could not be brought whole, :class:`UsageError`
    when its digest is wrong (the part is then thrown away).
    """
    from urllib.error import HTTPError  # here: who only asks where a root stands does not wait for it

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    for number in range(tries):
        try:
            _fetch_once(url, part)
            break
        except (TransferError, OSError) as error:
            lost = isinstance(error, HTTPError) and error.code < 500
            if lost or number == tries - 1:
                raise
    try:
        _check(part, sha256)
    except UsageError:
        part.unlink()
        raise
    os.replace(part, path)


def _fetch_once(url: str, part: Path) -> None:
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    from tqdm import tqdm

    have = part.stat().st_size if part.is_file() else 0
    request = Request(url, headers={"User-Agent": "yt360"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        reply = urlopen(request, timeout=_TIMEOUT_S)
    except HTTPError as error:
        if error.code == 416:  # what we have is already as long as the file, or another file's
            part.unlink(missing_ok=True)
            raise TransferError(f"{url}: the server has nothing after byte {have}; starting over") from error
        raise
    with contextlib.closing(reply):
        goes_on = reply.status == 206 and reply.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if goes_on else 0
        length = reply.headers.get("Content-Length")
        total = have + int(length) if length else None
        with (
            part.open("ab" if goes_on else "wb") as out,
            tqdm(
                total=total,
                initial=have,
                unit="B",
                unit_scale=True,
                desc=part.stem,
                disable=None,
                file=sys.stderr,
                leave=False,
            ) as bar,
        ):
            while block := reply.read(_BLOCK):
                out.write(block)
                bar.update(len(block))
    found = part.stat().st_size
    if total is not None and found != total:
        raise TransferError(f"{url}: the connection ended after {found} of {total} bytes")


def _is_address(text: str) -> bool:
    return urlparse(text).scheme in ("http", "https")


def _check(path: Path, sha256: str) -> None:
    if not sha256:
        return
    state = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            state.update(block)
    if not state.hexdigest().startswith(sha256.lower()):
        raise UsageError(f"{path}: expected SHA-256 {sha256}, found {state.hexdigest()}; fetch the file again")


def describe_file(path: Path) -> str:
    """A weights file in words: its name and the beginning of its SHA-256."""
    with path.open("rb") as stream:
        return f"{path.name} sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()[:16]}"
