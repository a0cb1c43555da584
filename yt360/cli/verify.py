"""`yt360 verify`: reopen and decode every output, check every digest."""

from __future__ import annotations

from dataclasses import asdict

import click

from yt360.cli.common import catalog_of, json_option, open_root, print_json, root_option, usable_cores
from yt360.cli.plain_text import clean
from yt360.cli.talk import doing, quiet, talk_options
from yt360.engine.verify import check_state, verify
from yt360.publishing.manifests import check_manifests


@click.command("verify", short_help="Reopen and decode every output, check every digest.")
@root_option
@click.option(
    "--workers", type=click.IntRange(1, 1024), default=None, help="Worker processes.  [default: the CPU cores]"
)
@json_option
@talk_options
def verify_command(root: str, workers: int | None, as_json: bool) -> int:
    """Check every output against its digest and decode it. The next run makes damaged outputs again.

    Exit code 1 when something is damaged.
    """
    catalog = catalog_of(open_root(root))
    found = verify(catalog, workers=workers or usable_cores(), quiet=quiet())
    with doing("checking the manifests"):
        manifests = check_manifests(catalog) + check_state(catalog)
    ok = not found.damaged and not manifests
    if as_json:
        print_json(
            {
                "root": catalog.root.url,
                "ok": ok,
                "files": found.files,
                "bytes": found.size,
                "damaged": [asdict(damage) for damage in found.damaged],
                "suspect": [asdict(one) for one in found.suspect],
                "manifests": manifests,
            }
        )
        return 0 if ok else 1
    for damage in found.damaged:
        place = (damage.stage, damage.item, damage.output)
        click.echo(f"damaged: {' '.join(filter(None, place))}: {clean(damage.problem)}")
    for one in found.suspect:
        click.echo(f"may be made from it: {one.stage} {one.item} (from {one.uri})")
    for problem in manifests:
        click.echo(f"damaged: {problem}")
    click.echo(
        f"{found.files} files, {found.size / 1e6:.1f} MB: {'all intact' if ok else 'run the recipe again to repair'}"
    )
    return 0 if ok else 1
