"""Tables and blocks, aligned as docker aligns them; rich draws them, in colour, only on a terminal."""

import os
import sys
from collections.abc import Sequence
from typing import Final

import click

_GAP: Final = "   "
_STYLES: Final = {
    "running": "green",
    "observed": "green",
    "silent": "bold red",
    "never-seen": "red",
    "down": "red",
    "dead": "red",
    "restarting": "yellow",
    "paused": "yellow",
}
"""Colours of states, by their word."""

Row = Sequence[str]
Field = tuple[str, str | Sequence[str]]


def on_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def colourful() -> bool:
    """Return whether to write in colour: on a terminal that can, and nobody set ``NO_COLOR`` (no-color.org)."""
    return on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def terminal_width() -> int:
    """Return the columns of the terminal (80 when it does not say)."""
    import shutil

    return shutil.get_terminal_size().columns


def write_table(titles: Row, rows: Sequence[Row]) -> None:
    """Write rows below their titles; no cell is ever cut."""
    if on_terminal():
        _draw(titles, rows)
        return
    click.echo("\n".join(lines(titles, rows)))


def lines(titles: Row, rows: Sequence[Row]) -> list[str]:
    """Return the table as lines of text: columns padded to their widest cell, three spaces apart."""
    table = [titles, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(titles))]
    return [_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def fits(titles: Row, rows: Sequence[Row]) -> bool:
    """Return whether the table fits the terminal; anything but a terminal is as wide as it needs to be."""
    return not on_terminal() or max(map(len, lines(titles, rows))) <= terminal_width()


def write_blocks(blocks: Sequence[Sequence[Field]]) -> None:
    """Write each block as one field a line, an empty line between blocks; fields without a value are left out."""
    click.echo("\n\n".join("\n".join(block_lines(block)) for block in blocks))


def block_lines(block: Sequence[Field]) -> list[str]:
    """Return one block: labels in a column, several values of one label below one another."""
    present = [(label, [values] if isinstance(values, str) else list(values)) for label, values in block]
    present = [(label, values) for label, values in present if any(values)]
    width = max((len(label) for label, _ in present), default=0) + 1
    return [
        _label(f"{label}:" if index == 0 else "", width) + value
        for label, values in present
        for index, value in enumerate(values)
    ]


def _label(text: str, width: int) -> str:
    padding = " " * (width - len(text) + 1)
    return (click.style(text, bold=True) if text and colourful() else text) + padding


def _draw(titles: Row, rows: Sequence[Row]) -> None:
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), header_style="bold")
    for title in titles:
        table.add_column(title, no_wrap=True, overflow="ignore")
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    needed = sum(max(cell_len(row[column]) for row in [titles, *rows]) + len(_GAP) for column in range(len(titles)))
    # As wide as the table needs: a terminal breaks long lines itself, and what is copied from it stays whole.
    Console(width=max(needed, terminal_width()), highlight=False, soft_wrap=True).print(table)
