"""Model folders on Hugging Face's hub, by the library ``huggingface_hub``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from yt360.errors import UsageError
from yt360.models.shipped import shipped_folder

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILES = ["config.json", "model.safetensors", "preprocessor_config.json", "README.md"]
"""What is fetched: no pickles, no code."""


def local_folder(name: str | Path, revision: str | None = None) -> Path:
    """A folder as it is, that of a model that comes with yt360, or the local copy of ``user/name`` on the hub
    (``HF_ENDPOINT`` names another hub).

    Raises :class:`UsageError` where neither is there.
    """
    path = Path(name)
    if not path.exists() and (folder := shipped_folder(str(name))) is not None:
        return folder
    if isinstance(name, Path) or path.exists() or not _NAME.fullmatch(name):
        return path
    hub = _library(f"{name}: no such folder; to fetch it from the hub")
    try:
        return Path(hub.snapshot_download(name, revision=revision, allow_patterns=_FILES))
    except Exception as error:  # a dozen classes of two libraries, by what the network does
        raise UsageError(
            f"{name}: expected a model folder or a model on the hub, found neither ({_first_line(error)})"
        ) from error


def upload(folder: Path, name: str, *, private: bool, token: str | None) -> str:
    """Upload a model folder in one commit; the address of the model's page."""
    hub = _library("to upload a model")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name}: expected a name on the hub such as user/name")
    try:
        api = hub.HfApi(token=token)
        address = str(api.create_repo(name, private=private, exist_ok=True))
        api.upload_folder(repo_id=name, folder_path=folder, commit_message="Upload model", allow_patterns=_FILES)
    except Exception as error:  # as above
        raise UsageError(f"{name}: the hub did not take the model ({_first_line(error)})") from error
    return address


def _library(why: str) -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise UsageError(f"{why}, install huggingface_hub: pip install 'yt360[hub]'") from error
    return huggingface_hub


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
