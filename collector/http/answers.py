"""Answers as bytes: JSON, lines of text, and what every one of them carries."""

from collections.abc import Iterable
from typing import Any

import msgspec
from aiohttp import web

from collector.http.negotiation import JSON, TEXT
from protocol.answers import Coverage

_ENCODER = msgspec.json.Encoder()


def json(answer: Any, *, status: int = 200) -> web.Response:
    """Answer with a struct or any other value as JSON."""
    return web.Response(body=_ENCODER.encode(answer), content_type=JSON, status=status)


def text(lines: Iterable[Iterable[str]], coverage: Coverage) -> web.Response:
    r"""Answer with fields divided by tabs, one row a line; the last line, after ``#``, is the coverage.

    Control characters in a field are written as ``\xNN``, so that a name can neither break a line nor move a cursor.
    """
    rows = ["\t".join(_printable(field) for field in line) for line in lines]
    return web.Response(text="\n".join([*rows, f"# {coverage_line(coverage)}", ""]), content_type=TEXT)


def coverage_line(coverage: Coverage) -> str:
    """Return the coverage in one line."""
    line = f"{coverage.nodes_observed} nodes observed at {coverage.as_of}"
    if coverage.complete:
        return line
    silent = ", ".join(f"{node.hostname or node.node} since {node.since or 'ever'}" for node in coverage.silent)
    return f"{line}; {len(coverage.silent)} not observed: {_printable(silent)}"


def _printable(field: str) -> str:
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in field)
