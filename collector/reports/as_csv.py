r"""CSV: RFC 4180 in UTF-8, with CRLF; every record has the same number of fields, and stands in one line.

Records whose first field begins with ``#`` are not rows: ``# report`` and the like come before the column names,
``# end`` with the number of rows comes last.

A spreadsheet takes text that begins with ``=``, ``+``, ``-`` or ``@`` for a formula. Such text, and text that begins
with ``#`` or ``'``, gets a ``'`` in front; so removing one leading ``'`` gives back what it was. Numbers are written as
numbers. Control characters are written as ``\xNN``. JSON has every text as it is.
"""

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from collector.reports.report import Cell, Column, Report, facts, words
from protocol.answers import Bounds

_FORMULA: Final = "=+-@#'"
_FULL_WIDTH: Final = "\uff1d\uff0b\uff0d\uff20"
_PLAIN: Final = re.compile("[0-9A-Za-z/_.:][0-9A-Za-z/_.:@+=#-]*")
"""Text in which there is nothing to look at: most of it."""
_LEAST: Final = 3


async def render(report: Report) -> AsyncIterator[bytes]:
    """Yield the report, a record at a time."""
    width = max(_LEAST, sum(2 if column.bounds else 1 for column in report.columns))
    yield _comments(report, width)
    yield _record([*_names(report.columns)], width)
    rows = 0
    async for row in report.rows:
        rows += 1
        yield _joined(_fields(report.columns, row), width)
    yield _record(["# end", str(rows)], width)


def _comments(report: Report, width: int) -> bytes:
    head = report.head
    lines = [("report", head.name), ("title", head.title), *facts(head)]
    return b"".join(_record([f"# {label.lower()}", defused(value)], width) for label, value in lines)


def _names(columns: Sequence[Column]) -> Iterable[str]:
    for column in columns:
        if column.bounds:
            yield f"{column.name}_after"
            yield f"{column.name}_before"
        else:
            yield column.name


def _fields(columns: Sequence[Column], row: Sequence[Cell]) -> list[str]:
    fields = []
    for column, cell in zip(columns, row, strict=True):
        if column.bounds:
            fields += [cell.after or "", cell.before] if isinstance(cell, Bounds) else ["", ""]
        elif isinstance(cell, str) and _PLAIN.fullmatch(cell):
            fields.append(cell)
        elif cell is None:
            fields.append("")
        else:
            text = words(cell)
            fields.append(text if isinstance(cell, int | float) else _quoted(defused(text)))
    return fields


def defused(text: str) -> str:
    """Return text that no spreadsheet takes for a formula.

    >>> defused("=1+1")
    "'=1+1"
    """
    begin = text.lstrip()[:1]
    return f"'{text}" if begin and (begin in _FORMULA or begin in _FULL_WIDTH) else text


def _record(fields: Sequence[str], width: int) -> bytes:
    return _joined([*map(_quoted, fields)], width)


def _joined(fields: Sequence[str], width: int) -> bytes:
    return (",".join(fields) + "," * (width - len(fields)) + "\r\n").encode()


def _quoted(field: str) -> str:
    if '"' in field or "," in field or field != field.strip():
        return '"' + field.replace('"', '""') + '"'
    return field
