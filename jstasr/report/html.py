"""Small pieces of HTML, everything escaped, and the style of the page."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; color: #1c1c1c; background: #fff;
  max-width: 62rem; margin: 2.5rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; padding-bottom: .25rem; border-bottom: 1px solid #ddd; }
h3 { font-size: .95rem; margin: 1.4rem 0 .4rem; }
p { margin: .5rem 0; max-width: 52rem; }
.quiet, figcaption, .legend { color: #5a5a5a; font-size: .86rem; }
.note { background: #fff8e1; border-left: 3px solid #e0b400; padding: .45rem .8rem; max-width: 52rem; }
.missing { background: #f4f4f4; border-left: 3px solid #aaa; padding: .45rem .8rem; max-width: 52rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .22rem .7rem; text-align: right; white-space: nowrap; }
th { border-bottom: 1px solid #999; font-weight: 600; vertical-align: bottom; }
td { border-bottom: 1px solid #eee; }
.left { text-align: left; }
.strong { font-weight: 600; }
tr.aside td { color: #5a5a5a; font-style: italic; }
figure { margin: 1rem 0; break-inside: avoid; }
img { max-width: 100%; height: auto; }
pre { font: .8rem/1.45 ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; background: #f7f7f7;
  border: 1px solid #e8e8e8; padding: .7rem .9rem; margin: .5rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
pre.columns { columns: 2; column-gap: 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: .8rem 0; font-size: .9rem; }
dt { color: #5a5a5a; } dd { margin: 0; overflow-wrap: anywhere; }
code { font: .86em ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; }
a { color: #0b57a4; }
@media print {
  body { margin: 0; max-width: none; padding: 0; font-size: 10pt; }
  h2, h3 { break-after: avoid; } table, tr { break-inside: avoid; } a { color: inherit; text-decoration: none; }
  .wide { overflow: visible; } th, td { padding: .15rem .4rem; } pre { font-size: 7.5pt; }
  @page { margin: 15mm; }
}
"""


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of the CSS class `kind`; `text` is HTML."""
    return f'<p class="{kind}">{text}</p>' if kind else f"<p>{text}</p>"


def missing(text: str) -> str:
    """The place of a part that is not there yet: `text` (HTML) names the command that produces it."""
    return paragraph(text, "missing")


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1, aside: Sequence[int] = ()) -> str:
    """A table of HTML cells.

    Args:
        left: how many of the first columns are aligned to the left.
        aside: indexes of rows that are for comparison only.
    """

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(f"<{tag}{' class=left' if i < left else ''}>{cell}</{tag}>" for i, cell in enumerate(row))

    body = "".join(f"<tr{' class=aside' if i in aside else ''}>{cells('td', row)}</tr>\n" for i, row in enumerate(rows))
    return f'<div class="wide"><table>\n<tr>{cells("th", headings)}</tr>\n{body}</table></div>'


def pairs(values: dict[str, str]) -> str:
    """A list of names and HTML values."""
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in values.items()) + "</dl>"


def figure(content: bytes, kind: str, caption: str, alternative: str) -> str:
    """An image inside the page; `kind` is its media type, `caption` HTML."""
    data = base64.b64encode(content).decode()
    return (
        f'<figure><img alt="{escape(alternative)}" src="data:{kind};base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def svg_figure(svg: str, caption: str, alternative: str) -> str:
    """An SVG plot, as an image of its own: inline, the ids of one plot would clash with those of another."""
    return figure(svg.encode(), "image/svg+xml", caption, alternative)


def png_figure(path: Path, caption: str, alternative: str) -> str:
    """A PNG file, embedded."""
    return figure(path.read_bytes(), "image/png", caption, alternative)


def page(title: str, body: str) -> str:
    """The whole document; `body` is HTML."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
