"""``mountbook report``: a report for auditors, as a file."""

import os
import sys
from typing import TYPE_CHECKING, Final, cast, get_args

import click

from mountbook import options
from protocol.reports import FORMATS, MULTIPART, PDF_ROWS, REPORTS, Format

if TYPE_CHECKING:
    from mountbook.client import Client, Query

_STDOUT: Final = "-"
_LIST: Final = "\n".join(f"  {name:<11} {about}" for name, about in REPORTS.items())
_HELP: Final = f"""Make a report for auditors: what was where, what changed, and how far that can be trusted.

\b
Reports:
{_LIST}

The window is what lies after --since, until --until; unless given, the day before now. Every report names its
window, its filters, which nodes were not observed when, and where the audit log stood.

A PDF shows the first {PDF_ROWS:,} rows; the CSV with all of them is written beside it, and named in it by its SHA-256.
In CSV a leading ' keeps text from being taken for a formula.

A file is there whole or not at all: when something fails, what was there before stays.
"""


@click.command(short_help="Make a report for auditors: HTML, CSV, JSON or PDF.", help=_HELP)
@click.argument("name", metavar="NAME", type=click.Choice(list(REPORTS)))
@click.option("--since", callback=options.check_time, metavar="TIME", help="Begin of the window, such as 24h (ago).")
@click.option("--until", callback=options.check_time, metavar="TIME", help="End of the window; now unless given.")
@click.option(
    "--format",
    "given_format",
    type=click.Choice(get_args(Format)),
    help="What the file is; else what FILE ends with says it, else html.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("-o", "--output", metavar="FILE", default=_STDOUT, help="Write to FILE; else to standard output.")
@options.filters(known="those of `ls`, of `orphans` or of `changes`, by what is listed; node for all but integrity")
@options.node
@options.asking
def command(
    client: "Client",
    name: str,
    since: str | None,
    until: str | None,
    given_format: str | None,
    as_json: bool,
    output: str,
    filters: tuple[str, ...],
    node: str | None,
) -> int:
    """Make a report."""
    kind = _format(given_format, as_json, output)
    query = [("since", since), ("until", until), ("node", node), *(("filter", text) for text in filters)]
    if output == _STDOUT:
        _to_stdout(client, name, query, kind)
    elif kind == "pdf":
        _with_csv(client, name, query, output)
    else:
        _to_file(client, name, query, kind, output)
    return 0


def _format(given: str | None, as_json: bool, output: str) -> Format:
    if as_json and given not in (None, "json"):
        raise click.UsageError(f"--json and --format {given} exclude one another.")
    ending = os.path.splitext(output)[1].lower().removeprefix(".")
    guessed = {"htm": "html"}.get(ending, ending)
    kind = cast("Format", "json" if as_json else given or (guessed if guessed in FORMATS else "html"))
    if kind == "pdf" and output == _STDOUT and sys.stdout.isatty():
        raise click.UsageError("A PDF does not belong on a terminal; name a file with --output.")
    return kind


def _to_stdout(client: "Client", name: str, query: "Query", kind: Format) -> None:
    from mountbook.download import Copy, Progress

    progress = Progress(name, shown=sys.stderr.isatty() and not sys.stdout.isatty())
    with progress, client.report(name, [*query, ("format", kind)], FORMATS[kind]) as answer:
        copy = Copy(kind, sys.stdout.buffer.write, progress)
        copy.all(answer.pieces)
    sys.stdout.buffer.flush()


def _to_file(client: "Client", name: str, query: "Query", kind: Format, output: str) -> None:
    from mountbook.download import Copy, Progress
    from mountbook.wholefile import WholeFile

    with WholeFile(output) as file:
        with (
            Progress(name, shown=sys.stderr.isatty()) as progress,
            client.report(name, [*query, ("format", kind)], FORMATS[kind]) as answer,
        ):
            rows = Copy(kind, file.write, progress).all(answer.pieces)
        file.keep()
    _done(output, rows)


def _with_csv(client: "Client", name: str, query: "Query", output: str) -> None:
    from mountbook.download import Copy, Parts, Progress
    from mountbook.wholefile import WholeFile

    stem, ending = os.path.splitext(output)
    table = f"{stem if ending.lower() == '.pdf' else output}.csv"
    query = [*query, ("format", "pdf"), ("csv-name", os.path.basename(table))]
    with WholeFile(table) as csv, WholeFile(output) as pdf:
        with (
            Progress(name, shown=sys.stderr.isatty()) as progress,
            client.report(name, query, MULTIPART) as answer,
        ):
            found = Parts(answer)
            rows = Copy("csv", csv.write, progress).all(found.next())
            Copy("pdf", pdf.write, progress).all(found.next())
            found.end()
        # Both or neither: the one names the other.
        csv.settle()
        pdf.settle()
        csv.keep()
        pdf.keep()
    _done(f"{output} and {table}", rows)


def _done(what: str, rows: int) -> None:
    from mountbook.output.words import count

    options.note(f"{what}: {count(rows, 'row')}.")
