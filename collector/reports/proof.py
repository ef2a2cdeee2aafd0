"""What the report ``integrity`` lists: the audit log compared with itself, and with the checkpoints kept outside."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.errors import CollectorError
from collector.ledger import checkpoints, reading
from collector.ledger.checkpoints import Read
from collector.ledger.signing import PublicKey, key_of
from collector.ledger.verify import Finding, Verifier
from collector.lookup.moments import Window
from collector.store import ledger
from collector.store.engine import Connection
from collector.store.ledger import AuditKind
from collector.store.read import audited
from protocol import times

_RARE: Final = (AuditKind.RETENTION, AuditKind.HOLD, AuditKind.RESTORE, AuditKind.SET_BACK)


@dataclass(frozen=True, slots=True)
class Signing:
    """With what this collector signs (64 hex digits) and where its checkpoints are; empty: it does not."""

    key: str = ""
    directory: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, ``holds``, ``broken`` or ``note``, and what was found."""

    what: str
    result: str
    detail: str


async def checks(conn: Connection, window: Window, signing: Signing) -> AsyncIterator[Check]:
    """Yield what was found; the whole chain is read, in batches."""
    key: PublicKey | None = None
    given: list[Read] = []
    try:
        if signing.key and signing.directory:
            key = key_of(signing.key, "MOUNTBOOK_SIGNING_KEY_FILE").public
            given = await asyncio.to_thread(_some, Path(signing.directory), window)
    except CollectorError as exc:
        yield Check("checkpoints", "broken", str(exc))
        key = None
    head = await reading.known(conn)
    verifier = Verifier(head, key, given)
    first = await ledger.first(conn)
    await reading.everything(conn, verifier.feed)
    finding = verifier.finish()
    if finding is None:
        what = f"{_counted(verifier.entries)}, {first} to {head.seq}" if verifier.entries else "no entry yet"
        yield Check("chain", "holds", f"{what}; the last has the hash {head.hash.hex()}")
    else:
        yield Check("chain", "broken", f"{finding.what}; first bad entry: {_place(finding)}")
    yield _covered(verifier, key, given, head.seq)
    waiting = await ledger.count_waiting(conn)
    if waiting:
        yield Check("not chained yet", "note", f"{_counted(waiting)}, which is a second's work")
    for remark in verifier.remarks:
        yield Check("remark", "note", remark)
    async for one in audited.everything(conn, _RARE, window.since, window.until):
        told = ", ".join(f"{name}: {value}" for name, value in one.told.items() if name != "signature")
        result = "broken" if one.kind is AuditKind.SET_BACK else "note"
        yield Check(one.kind.value, result, f"{times.to_text(one.at)}: {told}")


def _covered(verifier: Verifier, key: PublicKey | None, given: list[Read], last: int) -> Check:
    if key is None:
        return Check("checkpoints", "note", "this collector keeps none, so the chain is only compared with itself")
    newest = max((one.checkpoint.at for one in given if one.checkpoint is not None), default="")
    if not newest:
        return Check("checkpoints", "note", "there are none yet, so the chain is only compared with itself")
    behind = last - verifier.covered
    return Check(
        "checkpoints",
        "note" if behind > 0 else "holds",
        f"{len(given)} looked at, the newest of {newest}, signed with {key.text}; the entries up to {verifier.covered} "
        "are covered" + (f", and the last {behind} not yet" if behind > 0 else ""),
    )


def _place(finding: Finding) -> str:
    return f"{finding.first}" + (f" to {finding.last}" if finding.last != finding.first else "")


def _counted(entries: int) -> str:
    return "1 entry" if entries == 1 else f"{entries} entries"


def _some(directory: Path, window: Window) -> list[Read]:
    """Return checkpoints of the window, one of each hour, and the newest: a later one covers all before it.

    Raises:
        CheckpointError: a file cannot be read.
    """
    since, until = times.to_text(window.since), times.to_text(window.until)
    hours: dict[str, Read] = {}
    newest: Read | None = None
    for one in checkpoints.read(checkpoints.files(directory)):
        if one.checkpoint is None:
            continue
        at = one.checkpoint.at
        if since < at <= until:
            hours[at[:13]] = one
        if newest is None or newest.checkpoint is None or at > newest.checkpoint.at:
            newest = one
    found = list(hours.values())
    return found if newest is None or newest in found else [*found, newest]
