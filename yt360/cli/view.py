"""`yt360 view`: a dataset in the browser: see and hear its clips, its verdicts, and label what is wrong."""

from __future__ import annotations

import getpass
import ipaddress
import logging
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from yt360.cli.common import open_root, root_option
from yt360.cli.talk import Steps, doing, talk_options
from yt360.crawling.removed_ids import removed_ids
from yt360.errors import UsageError
from yt360.filters.evaluation.label_table import FILE
from yt360.stages import REGISTRY

if TYPE_CHECKING:
    from yt360.view.viewed_root import ViewedRoot

log = logging.getLogger("yt360.view")


@click.command("view", short_help="See and hear a dataset in the browser, and label what is wrong.")
@root_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port to listen on; 0 takes a free one."
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="Where labels go; further files are shown beside it.  [default: labels.tsv in the root]",
)
@click.option(
    "--export",
    "folder",
    type=click.Path(path_type=Path),
    default=None,
    help="Write a static folder with --clips for any web server, and start none.",
)
@click.option(
    "--clips",
    metavar="NAME,…",
    default="",
    help="With --export: names of clips, or of videos for all their clips, separated by commas.",
)
@click.option(
    "--run",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=None,
    help="Folder of a training run (train --out) whose views are shown.  [default: as the paper's settings draw them]",
)
@click.option("--as", "person", metavar="NAME", default=None, help="Name of the labeller.  [default: your login]")
@talk_options
def view_command(
    root: str,
    host: str,
    port: int,
    no_browser: bool,
    labels: tuple[Path, ...],
    folder: Path | None,
    clips: str,
    run: Path | None,
    person: str | None,
) -> int:
    """Open a dataset in the browser: look around in its clips and hear them turn, see why each video was kept or
    dropped, try other thresholds, and label what is wrong.

    The address that is printed holds a token; without it the server answers nothing. Stop it with Ctrl+C.
    """
    if clips and folder is None:
        raise UsageError("--clips: says what is exported; it needs --export DIR")
    try:
        from yt360.view import server
    except ModuleNotFoundError as error:
        raise UsageError(f"yt360 view needs {error.name}: pip install 'yt360[view]'") from error
    import pyarrow

    from yt360.view.access import new_token
    from yt360.view.forgetting import Forgetting
    from yt360.view.viewed_root import ViewedRoot

    # Arrow's own allocator keeps what a large root's records took while they were read; this one gives it back.
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    opened = open_root(root)
    if folder is not None:
        return _export(ViewedRoot(opened, REGISTRY, run), folder, clips)
    own = labels[0] if labels else (Path(FILE) if opened.store else opened.path / FILE)
    viewed = ViewedRoot(opened, REGISTRY, run)
    with doing("reading the records"):
        viewed.videos()
        if run is not None:
            viewed.clip_ids()  # refuses a folder that is no run before anybody waits for it
    token = new_token()
    files = server.LabelFiles(own, person or _login(), labels[1:])
    listening = server.listen(host, port)
    address = server.address_of(listening, token)
    if not _is_loopback(listening.getsockname()[0]):
        log.warning("everybody who can reach this machine on the network and has the address can see the dataset")
    with listening, tempfile.TemporaryDirectory(prefix="yt360-view-") as scratch:
        routes = server.Routes(viewed, files, Path(scratch))
        click.echo(address)
        if not no_browser:
            webbrowser.open(address)  # the socket listens already: the browser's request waits until it is answered
        with Forgetting(opened, lambda: removed_ids(opened.state), routes.forget):
            server.serve(server.app_of(routes, token, host), listening)
    return 0


def _export(viewed: ViewedRoot, folder: Path, clips: str) -> int:
    from yt360.view.export import chosen_clips, export

    with doing("reading the records"):
        chosen = chosen_clips(viewed, [name.strip() for name in clips.split(",") if name.strip()])
    with Steps("writing clips") as steps:
        export(viewed, folder, chosen, steps)
    click.echo(f"wrote {folder}: {len(chosen)} clip{'' if len(chosen) == 1 else 's'}; serve it with any web server")
    return 0


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return "me"


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback
