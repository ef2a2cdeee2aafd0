"""HTML: one page that needs nothing else, no script, and prints well; a row at a time."""

import re
from collections.abc import AsyncIterator, Sequence
from html import escape
from typing import Final

from collector.reports.report import Cell, Column, Report, caution, facts, lines, nothing, running, shown
from protocol.reports import ReportHead

_STYLE: Final = """
:root { color-scheme: light; }
body { font: 14px/1.45 system-ui, "DejaVu Sans", sans-serif; margin: 2rem auto; max-width: 110rem; padding: 0 1.5rem;
  color: #111; background: #fff; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
p.about { margin: 0 0 1rem; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
table.facts { width: auto; table-layout: auto; margin-bottom: 1.5rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; overflow-wrap: anywhere; }
table.facts th { white-space: nowrap; font-weight: 600; }
table.facts th, table.facts td { padding-top: 0; padding-bottom: .1rem; }
table.rows { font-size: 12px; line-height: 1.35; }
table.rows thead th { border-bottom: 2px solid #111; vertical-align: bottom; }
table.rows tbody td { border-bottom: 1px solid #ccc; }
.partial { background: #fff3cd; border-left: .3rem solid #b8860b; padding: .4rem .7rem; margin: 0 0 1rem;
  font-weight: 600; }
footer { margin-top: 1rem; font-size: 12px; border-top: 1px solid #111; padding-top: .4rem; }
@page { size: A4 landscape; margin: 14mm 12mm 16mm;
  @bottom-left { content: RUNNING; font-size: 8pt; }
  @bottom-right { content: "page " counter(page) " of " counter(pages); font-size: 8pt; } }
@media print {
  body { margin: 0; padding: 0; max-width: none; font-size: 9pt; }
  table.rows { font-size: 7.5pt; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  .partial { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
_PLAIN: Final = re.compile("[0-9A-Za-z/_.:@+=# -]*")
"""Text in which there is nothing to look at: most of it."""
_NO_SCRIPT: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


async def render(report: Report) -> AsyncIterator[bytes]:
    """Yield the report, a row at a time."""
    places = shown(report.columns)
    yield _begin(report, [report.columns[place] for place in places]).encode()
    rows = 0
    async for row in report.rows:
        rows += 1
        yield f"<tr>{''.join([_cell(row[place]) for place in places])}</tr>\n".encode()
    yield _end(report, rows).encode()


def _begin(report: Report, columns: Sequence[Column]) -> str:
    head = report.head
    title = escape(f"{head.title}: {head.since} to {head.until}")
    total = sum(column.width for column in columns)
    widths = "".join(f'<col style="width:{column.width / total:.2%}">' for column in columns)
    titles = "".join(f'<th scope="col">{escape(column.title)}</th>' for column in columns)
    told = "".join(f'<tr><th scope="row">{label}</th><td>{escape(value)}</td></tr>\n' for label, value in _merged(head))
    warning = f'<p class="partial">{escape(caution(head))}</p>\n' if caution(head) else ""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_NO_SCRIPT}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="{escape(head.generator)}">\n'
        f"<title>{title}</title>\n<style>{_STYLE.replace('RUNNING', _quoted(running(head)))}</style>\n</head>\n<body>\n"
        f'<h1>{escape(head.title)}</h1>\n<p class="about">This report lists {escape(head.about)}.</p>\n{warning}'
        f'<table class="facts"><tbody>\n{told}</tbody></table>\n'
        f'<table class="rows"><colgroup>{widths}</colgroup>\n<thead><tr>{titles}</tr></thead>\n<tbody>\n'
    )


def _quoted(text: str) -> str:
    """Return a text as a string of CSS; what could end it, or the element around it, as an escape."""
    return '"' + "".join(char if char.isalnum() or char in " ,.:-" else f"\\{ord(char):06x}" for char in text) + '"'


def _merged(head: ReportHead) -> list[tuple[str, str]]:
    """Return the facts, with a label that is repeated shown once."""
    merged: list[tuple[str, str]] = []
    before = ""
    for label, value in facts(head):
        merged.append(("" if label == before else label, value))
        before = label
    return merged


def _cell(cell: Cell) -> str:
    if isinstance(cell, str) and cell[10:11] != "T" and _PLAIN.fullmatch(cell):
        return f"<td>{cell}</td>"
    return f"<td>{'<br>'.join([escape(line) for line in lines(cell)])}</td>"


def _end(report: Report, rows: int) -> str:
    head = report.head
    empty = "" if rows else f"<p>{escape(nothing(head))}</p>\n"
    what = "1 row" if rows == 1 else f"{rows:,} rows"
    return (
        f"</tbody></table>\n{empty}<footer>End of the report: {what}. Times are UTC, of the register's clock unless "
        "a column says otherwise. A moment is given as two bounds: it lies after the one and not after the other. "
        f"Control characters are written as \\xNN. {escape(head.generator)}</footer>\n</body>\n</html>\n"
        f"<!-- complete: {rows} rows -->\n"
    )
