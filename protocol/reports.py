"""Reports for auditors: their names, their formats, and what every one of them begins and ends with.

A report is sent as a file, from its first row to its last, however many there are. Its last line says how many they
were (``END``): a file without it is not whole.
"""

import re
from typing import Any, Final, Literal

import msgspec

ReportName = Literal[
    "inventory", "changes", "orphans", "coverage", "rogue", "images", "access", "enrolments", "integrity"
]
Format = Literal["html", "csv", "json", "pdf"]

REPORTS: Final[dict[ReportName, str]] = {
    "inventory": "every container that was there at the end of the window, with its directory and image",
    "changes": "what began, changed and ended in the window, with exit codes and both bounds of each moment",
    "orphans": "layer directories that nothing claimed, when they were first and last seen",
    "coverage": "when and why each node was not observed, lost events, unresolved containers, clock skew",
    "rogue": "containers that belonged to no service and no stack",
    "images": "which image digest was on which nodes, and since when",
    "access": "who asked the register what, and how much was answered",
    "enrolments": "which agents asked to speak for a node, what became of it, and tokens made or revoked",
    "integrity": "whether the audit log's chain holds, and what covers it",
}
"""Every report, and what it lists."""

FORMATS: Final[dict[Format, str]] = {
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "pdf": "application/pdf",
}
"""Every format, and its media type."""

PDF_ROWS: Final = 5_000
"""Most rows that a PDF shows; the CSV that is made with it has all."""

END: Final[dict[Format, re.Pattern[bytes]]] = {
    "html": re.compile(rb"<!-- complete: (\d+) rows -->\n\Z"),
    "csv": re.compile(rb"\r\n# end,(\d+),[^\r\n]*\r\n\Z"),
    "json": re.compile(rb'"end":\{"rows":(\d+)\}\}\n\Z'),
    "pdf": re.compile(rb"%%EOF\r?\n?\Z"),
}
"""How a whole file ends; all but PDF say how many rows it has."""

MULTIPART: Final = "multipart/mixed"
"""What who asks for a PDF can accept as well: first the CSV that it names, then the PDF."""


class ChainHead(msgspec.Struct, frozen=True, kw_only=True):
    """Where the audit log stood when the report was made: its last entry was number ``seq`` and had this hash.

    ``register`` names the register that keeps it.
    """

    register: str
    seq: int
    hash: str
    chained_at: str


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A time in the window in which a node was not, or not wholly, observed; as in ``protocol.memory.Unobserved``.

    After the one moment (``null``: ever before), until the other (``null``: it lasts).
    """

    cluster: str
    node: str
    hostname: str
    reason: str
    detail: str = ""
    after: str | None
    before: str | None


class ReportCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """What the report can speak for: the nodes of the window, and how many were wholly observed during all of it.

    ``missing`` has the first of those times, ``missing_total`` counts all; the report ``coverage`` lists them.
    """

    complete: bool
    nodes: int
    nodes_observed: int
    missing: list[Missing] = []
    missing_total: int = 0


class ReportHead(msgspec.Struct, frozen=True, kw_only=True):
    """What every report begins with.

    The window is what lies after ``since``, until ``until``. ``generator`` is the program and its version.
    """

    name: ReportName
    title: str
    about: str
    since: str
    until: str
    filters: list[str]
    generated_at: str
    generator: str
    coverage: ReportCoverage
    audit_log: ChainHead
    notes: list[str] = []


class ReportColumn(msgspec.Struct, frozen=True, kw_only=True):
    """One column: its name in rows, its title for people, and what it means."""

    name: str
    title: str
    about: str = ""


class ReportEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows there are."""

    rows: int


class ReportDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A report as JSON. Each row is an object with the columns' names; a moment with two bounds is an object."""

    report: ReportHead
    columns: list[ReportColumn]
    rows: list[dict[str, Any]]
    end: ReportEnd
