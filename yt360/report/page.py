"""The frame of a page: one HTML file that loads nothing, readable on a phone, in light and in dark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape as _escape
from pathlib import Path
from typing import Any

_STYLE = """
:root{--ink:#24292e;--soft:#6a737d;--paper:#faf9f7;--card:#fff;--line:#e1dfda;--keep:#3b7d5e;--drop:#c0552d;--mark:#f0b429}
@media(prefers-color-scheme:dark){:root{--ink:#e6e3de;--soft:#a09c95;--paper:#1b1c1e;--card:#26282b;--line:#3a3d41;
--keep:#62b08c;--drop:#e5835c;--mark:#b98a1d}}
*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}
body{margin:0;padding:1.2rem clamp(.7rem,3vw,2.5rem) 4rem;background:var(--paper);color:var(--ink);
font:16px/1.45 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;max-width:1400px;margin-inline:auto}
h1{font-size:1.6rem;margin:.2rem 0}
h2{font-size:1.25rem;margin:2.4rem 0 .6rem}h3{font-size:1.02rem;margin:1.4rem 0 .5rem}
p{margin:.3rem 0;max-width:75ch}.soft,.why{color:var(--soft);font-size:.88rem}
nav{display:flex;flex-wrap:wrap;gap:.3rem 1rem;margin:.6rem 0}a{color:inherit}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.32rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap}td.bar{width:38%;min-width:90px}
.bar div{height:.8rem;background:var(--keep);border-radius:2px;min-width:1px}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr));gap:.9rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.7rem;
min-width:0;overflow-wrap:anywhere}
.card h4{margin:0 0 .25rem;font-size:.95rem;font-weight:600}
.card img{width:100%;height:auto;display:block;border-radius:4px;margin:.35rem 0;background:var(--line)}
audio{width:100%;height:36px;margin-top:.35rem}
svg{width:100%;height:auto;display:block}svg text{font-size:11px;fill:var(--soft)}
.keep{fill:var(--keep)}.drop{fill:var(--drop)}.limit{stroke:var(--ink);stroke-dasharray:4 3}.axis{stroke:var(--line)}
.wave{height:56px;margin-top:.35rem}.wave polygon{fill:var(--soft)}.mark{fill:var(--mark)}
.curve{max-width:260px}.curve polyline{fill:none;stroke:var(--keep);stroke-width:2}.frame{fill:none;stroke:var(--line)}
@media(max-width:720px){.group.one,.group.two{flex:1 1 100%}}
@media(max-width:640px){td.bar,th:nth-child(3){display:none}.beside th:nth-child(3){display:table-cell}}
.beside table{max-width:32rem}
.clips{margin:.4rem 0 0;font-size:.85rem}.clips section{border-top:1px solid var(--line);padding:.25rem 0}
figure{margin:.35rem 0}figcaption{color:var(--soft);font-size:.8rem}
.legend{margin:.4rem 0;font-size:.88rem;color:var(--soft);columns:26rem;column-gap:2rem}
.legend div{break-inside:avoid;margin:0 0 .7rem}.legend dt{margin:0 0 .15rem}.legend dd{margin:0}
.legend dt>.ruler{max-width:16rem}
.heat,.tile,.mark-key,.keep-key,.drop-key{display:inline-block;height:.8rem;border-radius:2px;
vertical-align:middle}
.heat{width:16rem;max-width:100%}.tile,.mark-key,.keep-key,.drop-key{width:.8rem;margin-right:.3rem}
.tile{background:linear-gradient(90deg,#7a1fa2 50%,#2e9b2e 50%);width:1.6rem}
.mark-key{background:var(--mark);opacity:.55}.keep-key{background:var(--keep)}.drop-key{background:var(--drop)}
.ears{font-weight:600}.plain{fill:var(--soft)}
.ruler{display:flex;font-size:.72rem;color:var(--soft);border-top:1px solid var(--line)}
.ruler span{flex:2 1 0;min-width:0;text-align:center;white-space:nowrap}
.ruler span:first-child{flex:1 1 0;text-align:left}
.ruler span:last-child{flex:1 1 0;display:flex;justify-content:flex-end}
.groups{display:flex;flex-wrap:wrap;gap:0 .9rem}.group{flex:1 1 100%;min-width:0}
.group.one{flex:0 1 318px}.group.two{flex:0 1 650px}
.about table{width:auto}.about thead{display:none}.about td:first-child{color:var(--soft);white-space:nowrap}
td.message{max-width:40rem;overflow-wrap:anywhere}
details{margin:.4rem 0}summary{cursor:pointer}td{overflow-wrap:break-word;min-width:5rem}
.today{fill:var(--drop)}.near{color:var(--drop);font-weight:600}
"""

_POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"


_LONGEST_ADDRESS = 1000

SIDES = ("behind", "left", "front", "right", "behind")
"""From the left edge of a picture of the whole sphere to its right one."""


def escape(text: Any, limit: int = 400) -> str:
    """Text from outside for HTML: no control characters or direction marks, bounded, escaped."""
    visible = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    return _escape(visible if len(visible) <= limit else visible[: limit - 1] + "…", quote=True)


_PATH = re.compile(r"(?<![\w/.:~<])~?/(?:[^\s/:'\",;]+/)+(?=[^\s/:'\",;])")
"""Folders of an absolute path; an address of the web is none."""

_POINTER = re.compile(r" ?@ ?0x[0-9a-f]{4,}")


def portable(text: str, root: Path | None = None) -> str:
    """A message without folders of the machine that ran, and of a traceback the line that says what went wrong.

    What lies in a root stays relative to it. Equal roots on two machines give equal text.

    >>> portable("/home/me/videos/a.mp4: cannot be read ([in @ 0x55d3a]), see https://example.org/a/b")
    'a.mp4: cannot be read ([in]), see https://example.org/a/b'
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if text.startswith("Traceback") and lines:
        text = lines[-1]
    if root is not None:
        text = text.replace(f"{root}/", "")
    text = re.sub(r"/\S*/(?=(data|shards|tmp)/)", "", text)
    return _POINTER.sub("", _PATH.sub("", text))


def link(address: Any, words: str) -> str:
    """``words`` (HTML) as a link to where a video comes from, if that is an address of the web."""
    if not isinstance(address, str) or not re.match(r"https?://[^\s]+$", address) or len(address) > _LONGEST_ADDRESS:
        return words
    return f'<a href="{escape(address, _LONGEST_ADDRESS)}" rel="noopener noreferrer">{words}</a>'


def page(title: str, body: Sequence[str]) -> str:
    """A whole page. ``body`` is HTML; the policy keeps a browser from loading or running anything."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


BORDERLINE = '<span class="near">borderline</span>'
"""HTML that marks a case close to its threshold."""


def ruler() -> str:
    """What lies where on a picture of the whole sphere, to stand below it."""
    return '<div class="ruler">' + "".join(f"<span>{side}</span>" for side in SIDES) + "</div>"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Rows of cells that are HTML already; columns in ``numbers`` stand to the right."""

    def line(cells: Sequence[str], tag: str) -> str:
        marked = (' class="n"' if place in numbers else "" for place in range(len(cells)))
        return "".join(f"<{tag}{mark}>{cell}</{tag}>" for mark, cell in zip(marked, cells, strict=True))

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{line(header, "th")}</tr></thead><tbody>{body}</tbody></table></div>'
