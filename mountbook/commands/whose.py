"""``mountbook whose``: which container, image, volume or bind a host path belongs to."""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import click
import msgspec

from mountbook import options
from mountbook.errors import NOT_FOUND, SILENT, UserError
from mountbook.options import Shape
from mountbook.pathlines import BATCH, PathLine, Readable, asked, batches
from protocol.answers import Coverage, Owner, Whose, WhoseAnswer

if TYPE_CHECKING:
    from mountbook.client import Client
    from mountbook.output.template import Template

_ALIASES: Final[dict[str, str]] = {"ID": "key", "Path": "path", "Owner": "sentence", "Size": "size"}


@click.command(
    short_help="Whose a path is: container, image layer, volume, …",
    epilog="\b\nmountbook whose /var/lib/docker/overlay2/3f2a.../diff/etc/passwd\n"
    "du -xh -d1 /var/lib/docker/overlay2 | sort -h | mountbook whose -",
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@options.node
@options.at
@click.option("-0", "--null", "null", is_flag=True, help="With -: paths end in NUL (find -print0, du -0).")
@options.shaped(quiet="Print only the owners' IDs (or a volume's name, or a bind's path).")
@options.asking
def command(
    *, client: "Client", paths: tuple[str, ...], node: str | None, at: str | None, null: bool, shape: Shape
) -> int:
    """Say whose a path is, at any depth below what it belongs to, and what it is called inside the container.

    PATH is a path on any host of the cluster, an overlay2/l link, a bare directory ID or a dataset. With - paths, or
    lines of du, are read from standard input; every line is printed with its owner behind it (--json: one object a
    line), and the exit status is 0 when any of them has one. Of a path that nobody owns any more the last owner is
    told, with the exit status of a path that nobody owns.
    """
    template = shape.read_template([Owner], _ALIASES)
    asker = _Asker(client, node, at)
    if paths == ("-",):
        return _stream(asker, cast("Readable", sys.stdin.buffer), b"\0" if null else b"\n", shape, template)
    if "-" in paths or null:
        raise click.UsageError("- stands alone: give paths, or - to read them from standard input (-0 only then).")
    answer = asker.ask([asked(os.fsencode(path)) for path in paths])
    if shape.as_json:
        options.write_json(answer)
    elif shape.quiet or template is not None:
        _write_owners(answer.answers, [None] * len(answer.answers), shape, template)
    else:
        _write(answer, shape)
    if not shape.as_json:
        options.write_coverage(answer.coverage, always=not shape.quiet and template is None)
    return _status(all(one.owners for one in answer.answers), answer.coverage)


class _Asker:
    """Questions of one kind, in batches; remembers the last coverage."""

    def __init__(self, client: "Client", node: str | None, at: str | None) -> None:
        self._client = client
        self._node = node
        self._at = at
        self.coverage: Coverage | None = None

    def ask(self, paths: Sequence[str]) -> WhoseAnswer:
        answers: list[Whose] = []
        coverage = self.coverage
        for start in range(0, len(paths), BATCH):
            page = self._client.whose(paths[start : start + BATCH], node=self._node, at=self._at)
            answers += page.answers
            coverage = page.coverage
        if coverage is None:
            raise UserError("There is no path to ask about.")
        self.coverage = coverage
        return WhoseAnswer(answers=answers, coverage=coverage)


def _status(found: bool, coverage: Coverage) -> int:
    if found:
        return 0
    return NOT_FOUND if coverage.complete else SILENT


def _stream(asker: _Asker, stream: Readable, separator: bytes, shape: Shape, template: "Template | None") -> int:
    """Answer line by line; memory holds one batch."""
    found = False
    for batch in batches(stream, separator):
        answers = _answers(asker, batch)
        known = [answer for answer in answers if answer is not None]
        found = found or any(answer.owners for answer in known)
        if shape.as_json:
            click.echo(b"\n".join(_json_line(line, answer) for line, answer in zip(batch, answers, strict=True)))
        elif shape.quiet or template is not None:
            sizes = [line.size for line in batch if line.asked is not None]
            _write_owners(known, sizes, shape, template)
        else:
            click.echo(b"\n".join(_line(line, answer) for line, answer in zip(batch, answers, strict=True)))
    if asker.coverage is None:
        raise UserError("Standard input has no path to ask about.")
    people = not (shape.as_json or shape.quiet or template is not None)
    options.write_coverage(asker.coverage, always=people)
    return _status(found, asker.coverage)


def _answers(asker: _Asker, batch: Sequence[PathLine]) -> list[Whose | None]:
    """Return the answer of every line, ``None`` for one that asks nothing."""
    questions = [line.asked for line in batch if line.asked is not None]
    replies = iter(asker.ask(questions).answers if questions else ())
    return [next(replies) if line.asked is not None else None for line in batch]


def _line(line: PathLine, answer: Whose | None) -> bytes:
    from mountbook.output.table import on_terminal
    from mountbook.output.words import printable

    raw = line.raw
    if on_terminal() or b"\n" in raw:
        # A tab stays: it is what separates du's columns.
        raw = b"\t".join(printable(part.decode(errors="backslashreplace")).encode() for part in raw.split(b"\t"))
    owner = _owner_words(answer) if answer is not None else line.problem
    return raw + b"\t" + owner.encode() if owner else raw


def _json_line(line: PathLine, answer: Whose | None) -> bytes:
    facts: dict[str, Any] = {} if line.size is None else {"size": line.size}
    if answer is None:
        facts |= {"path": line.raw.decode(errors="backslashreplace"), "owners": [], "problem": line.problem}
    else:
        facts |= msgspec.to_builtins(answer)
    return msgspec.json.encode(facts)


def _owner_words(answer: Whose) -> str:
    from mountbook.output.owners import in_short, nobody

    if not answer.owners:
        return nobody(answer)
    more = max(answer.owners_total, len(answer.owners)) - 1
    return in_short(answer.owners[0]) + (f" (and {more} more; --node asks about one node)" if more else "")


def _write_owners(
    answers: Sequence[Whose], sizes: Sequence[str | None], shape: Shape, template: "Template | None"
) -> None:
    from mountbook.output.words import short_id

    if template is None:
        for answer in answers:
            for owner in answer.owners:
                click.echo(short_id(owner.key, shape.no_trunc))
        return
    template.write(_records(answers, sizes), no_trunc=shape.no_trunc)


def _records(answers: Sequence[Whose], sizes: Sequence[str | None]) -> Iterator[dict[str, Any]]:
    """Yield one record for every owner, and for a path of nobody one with the path alone."""
    for answer, size in zip(answers, sizes, strict=True):
        known = {"path": answer.path} if size is None else {"size": size, "path": answer.path}
        for owner in answer.owners:
            yield known | msgspec.to_builtins(owner)
        if not answer.owners:
            yield known


def _write(answer: WhoseAnswer, shape: Shape) -> None:
    from mountbook.output import owners, table
    from mountbook.output.words import printable

    if len(answer.answers) == 1:
        _write_one(answer.answers[0], answer.coverage.as_of, shape.no_trunc)
        return
    rows = [
        [printable(one.path), owner]
        for one in answer.answers
        for owner in [owners.in_short(each) for each in one.owners] or [owners.nobody(one)]
    ]
    table.write_table(("PATH", "OWNER"), rows)


def _write_one(answer: Whose, as_of: str, no_trunc: bool) -> None:
    from mountbook.output import owners, table

    if not answer.owners:
        if answer.former:
            table.write_blocks([owners.former(owner, as_of, no_trunc) for owner in answer.former])
        last = " now; above is who owned it last" if answer.former else ""
        options.note(f"{owners.NOBODY.capitalize()} owns {answer.path}{last}.")
        return
    blocks = [owners.block(owner, as_of, no_trunc) for owner in answer.owners]
    if visible := owners.also_visible(answer):
        blocks.append([("Also visible in", visible)])
    table.write_blocks(blocks)
