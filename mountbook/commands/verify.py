"""``mountbook verify``: whether the audit log is what was chained, and what checkpoints say."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mountbook import options
from mountbook.options import Shape

if TYPE_CHECKING:
    from mountbook.local.ledger import Verdict

BROKEN = 1
"""Exit status when something was found."""


@click.command(short_help="Prove that nobody changed the audit log, or an archive of evidence.")
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--checkpoints",
    "places",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    metavar="PLACE",
    help="A file of checkpoints, or a directory of them; may be repeated.",
)
@click.option("--public-key", metavar="KEY", help="The key that signed them: ed25519:HEX, or a file that holds it.")
@click.option("--database", metavar="URL", help="Read this database, not what a collector sends.")
@options.url
@click.option("--token-file", type=click.Path(), metavar="FILE", help="Read the token from FILE.")
@options.shaped(templates=False, no_trunc=False)
def command(
    *,
    file: Path | None,
    places: tuple[Path, ...],
    public_key: str | None,
    database: str | None,
    url: str,
    token_file: str | None,
    shape: Shape,
) -> int:
    """Without FILE: read the audit log from its beginning and compare it with itself and with signed checkpoints.

    Finds an entry that was edited, deleted or moved, and a log that was cut off, and names the first bad entry. The
    checkpoints should be a copy that those who run the database cannot change. Exit status 1: something is wrong.

    With FILE: check an archive that `mountbook evidence` wrote. Give --public-key: the key that the archive names
    itself proves only that it is whole.
    """
    if file is not None:
        if places or database is not None:
            raise click.UsageError("FILE is checked by itself: --checkpoints and --database do not go with it.")
        return _evidence(file, public_key, shape)
    ledger = options.need("mountbook.local.ledger", "collector")
    try:
        given = ledger.witnesses(places, public_key)
        if database is not None:
            verdict = ledger.read(database, given, options.note)
        else:
            with options.connect(url, token_file) as client:
                verdict = ledger.ask(client, given, options.note)
    except ModuleNotFoundError as exc:
        raise options.missing(exc, "collector") from exc
    if shape.as_json:
        options.write_json(verdict)
    else:
        _write(verdict)
    return 0 if verdict.whole else BROKEN


def _evidence(file: Path, public_key: str | None, shape: Shape) -> int:
    from mountbook.output.words import printable

    local = options.need("mountbook.local.evidence", "collector")
    try:
        checked = local.check(file, public_key)
    except local.BrokenError as exc:
        if shape.as_json:
            options.write_json({"whole": False, "what": str(exc)})
        else:
            click.echo(f"BROKEN: {printable(str(exc))}.")
        return BROKEN
    manifest = checked.manifest
    if shape.as_json:
        options.write_json({"whole": True, "key": checked.key.text, "manifest": manifest})
    else:
        click.echo(
            f"Whole: {printable(manifest.ref)} at {printable(manifest.at)}, {len(manifest.files)} files, signed with "
            f"{checked.key.text} at {printable(manifest.created_at)}."
        )
    if public_key is None:
        options.note(
            "The key is the one that the archive names. Give --public-key with the collector's: anybody can sign with "
            "a key of their own."
        )
    return 0


def _write(verdict: "Verdict") -> None:
    if verdict.whole:
        click.echo(f"Whole: {verdict.what}.")
    else:
        click.echo(f"BROKEN: {verdict.what}.")
        where = f"{verdict.first_bad}" + (f" to {verdict.last_bad}" if verdict.last_bad != verdict.first_bad else "")
        click.echo(f"First bad entry: {where}.")
    for remark in verdict.remarks:
        click.echo(remark)
    seen = f"{verdict.entries:,} entries read ({verdict.entries_per_second:,} a second) of register {verdict.register}"
    if verdict.checkpoints:
        options.note(f"{seen}; {verdict.checkpoints:,} checkpoints cover it up to entry {verdict.covered:,}.")
    else:
        options.note(
            f"{seen}. Without checkpoints (--checkpoints, --public-key) a chain that was made anew, or cut off, "
            "is not noticed."
        )
