"""The certificate of a rebuild for people: Markdown for a paper's repository, and a page of HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from yt360.rebuild.certificate import VERDICTS
from yt360.report.page import escape, page, table

_MOST_ROWS = 2000
"""Clips that the page names; the JSON has all."""


def sentence(made: Mapping[str, Any]) -> str:
    """What a paper may say."""
    listed, total = made["list"], made["total"]
    name = f"{listed['name']}{' ' + listed['version'] if listed['version'] else ''}"
    first, last = made.get("first_day") or "", made.get("last_day") or ""
    days = f", crawled {first}{f' to {last}' if last != first else ''}" if first else ""
    return (
        f"Of the {total['clips']:,} clips of {name}, {_percent(total['rebuilt_share'])} were rebuilt and "
        f"{_percent(total['identical_share'])} have the same bytes (95 % Wilson intervals){days}, by yt360 "
        f"{made['yt360']}. List {listed['digest'][:16]}, table {made['digest'][:16]}."
    )


def _percent(share: Mapping[str, float]) -> str:
    return f"{100 * share['share']:.1f} % [{100 * share['low']:.1f}, {100 * share['high']:.1f}]"


def markdown(made: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    lines = [f"# Rebuild of {_plain(made['list']['name'])}", "", _plain(sentence(made)), ""]
    header, rows = _table_of(made)
    lines += [f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows)]
    lines += ["", *(f"- {name}: {words}" for name, words in VERDICTS.items() if made["total"][name])]
    why = made["total"]["why"]
    lines += ["", "Reasons:", "", *(f"- {_plain(name)}: {count}" for name, count in why.items())] if why else []
    lines += ["", f"SHA-256 over the table without this line: `{made['digest']}`"]
    return "\n".join(lines) + "\n"


def html(made: Mapping[str, Any]) -> str:
    """The page as HTML that loads nothing."""
    header, rows = _table_of(made)
    numbers = range(1, len(header))
    body = [
        f"<h1>Rebuild of {escape(made['list']['name'], 96)}</h1>",
        f"<p>{escape(sentence(made), 1000)}</p>",
        table(header, [[escape(cell) for cell in row] for row in rows], numbers),
        *(f'<p class="soft">{name}: {words}</p>' for name, words in VERDICTS.items() if made["total"][name]),
        "<h2>Reasons</h2>",
        table(["", "clips"], [[escape(name), str(count)] for name, count in made["total"]["why"].items()], (1,)),
        "<h2>Clips that are not identical</h2>",
    ]
    others = [row for row in made["clips"] if row["verdict"] != "identical"]
    names = ("clip", "split", "verdict", "why", "detail")
    body.append(table(names, [[escape(row.get(name, "")) for name in names] for row in others[:_MOST_ROWS]]))
    if len(others) > _MOST_ROWS:
        body.append(f'<p class="soft">and {len(others) - _MOST_ROWS:,} more in rebuild.json</p>')
    return page(f"Rebuild of {made['list']['name']}", body)


def _table_of(made: Mapping[str, Any]) -> tuple[Sequence[str], list[list[str]]]:
    shown = [name for name in VERDICTS if made["total"][name]]
    header = ["split", "clips", *shown, "rebuilt", "videos", "of which rebuilt"]
    sides = {**made["splits"], **({"all": made["total"]} if len(made["splits"]) > 1 else {})}
    rows = [
        [
            split,
            f"{count['clips']:,}",
            *(f"{count[name]:,}" for name in shown),
            _percent(count["rebuilt_share"]),
            f"{count['videos']:,}",
            f"{count['videos_rebuilt']:,}",
        ]
        for split, count in sides.items()
    ]
    return header, rows


def _plain(text: object) -> str:
    """Words of a list on one line, without what Markdown or HTML would take for theirs."""
    visible = "".join(character if character.isprintable() else " " for character in str(text))
    return " ".join(visible.split()).translate(str.maketrans("|<>`", "/()'"))
