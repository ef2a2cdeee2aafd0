"""PDF: the head and the first rows, with the name and the SHA-256 of the CSV that has all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.reports.pages import BOLD, Pages
from collector.reports.report import Column, Row, caution, facts, lines, nothing, running, shown, visible
from protocol.reports import PDF_ROWS, ReportHead


@dataclass(frozen=True, slots=True)
class Whole:
    """The CSV that a PDF goes with: what it is called, its SHA-256 in hex, and how many rows it has."""

    name: str
    sha256: str
    rows: int


def render(head: ReportHead, columns: Sequence[Column], rows: Sequence[Row], whole: Whole) -> bytes:
    """Return the document; ``rows`` are the first ones, ``PDF_ROWS`` at the most."""
    pages = Pages(head.title, head.generator, running(head))
    pages.text(head.title, size=17, font=BOLD, after=4)
    pages.text(f"This report lists {head.about}.", size=10, after=8)
    if caution(head):
        pages.text(caution(head), font=BOLD, after=6)
    pages.facts([*facts(head), *_completeness(rows, whole)])
    places = shown(columns)
    if rows:
        pages.table(
            [columns[place].title for place in places],
            [columns[place].width for place in places],
            [["\n".join(lines(row[place])) for place in places] for row in rows],
        )
    else:
        pages.text(nothing(head), after=6)
    pages.text(
        "Times are UTC, of the register's clock unless a column says otherwise. A moment is given as two bounds: it "
        "lies after the one and not after the other. Control characters are written as \\xNN, characters that the font "
        "lacks as \\uNNNN; the CSV and JSON have the latter, JSON has both.",
        size=7.5,
    )
    return pages.end()


def _completeness(rows: Sequence[Row], whole: Whole) -> list[tuple[str, str]]:
    count = f"the first {len(rows):,} of {whole.rows:,}" if whole.rows > len(rows) else f"all {whole.rows:,}"
    return [
        ("Rows here", f"{count} (a PDF shows {PDF_ROWS:,} at the most)" if whole.rows else "none"),
        ("All rows", f"{visible(whole.name)}, SHA-256 {whole.sha256}"),
    ]
