"""Facts in words: how long ago, short IDs, what an answer covers."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import UNSET, UnsetType

from protocol.answers import Bounds, ContainerRow, Coverage, SilentNode
from protocol.entries import Mount, PathKind
from protocol.times import parse_time

SHORT_ID: Final = 12
"""Digits of a truncated ID, as docker has them."""
NAMED_NODES: Final = 20
"""Most nodes that a coverage line names."""

_HEX_ID: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
# Text from disks can hold escape sequences: nothing may move a terminal's cursor or add a line to a table.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_STEPS: Final = (
    (1, "less than a second"),
    (60, "seconds"),
    (3600, "minutes"),
    (48 * 3600, "hours"),
    (14 * 86400, "days"),
    (60 * 86400, "weeks"),
    (730 * 86400, "months"),
)
_UNITS: Final = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800, "months": 2592000}
_KINDS: Final = {
    PathKind.DIFF: "only what the container changed",
    PathKind.FULL_VIEW: "the whole tree as the container sees it",
    PathKind.BLOCK_DEVICE: "a device that must be mounted to be read",
    PathKind.DATASET: "a ZFS dataset, not a path",
}


def printable(text: str) -> str:
    r"""Return the text with control characters, and those that turn the writing direction, as escapes.

    >>> printable("a\tb")
    'a\\x09b'
    """
    return text if text.isprintable() else _CONTROL.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def short_id(text: str, no_trunc: bool = False) -> str:
    """Return an ID of 64 digits as docker shortens it; other text as it is."""
    match = None if no_trunc else _HEX_ID.fullmatch(text)
    return match[1][:SHORT_ID] if match else text


def moment(text: str | None) -> datetime | None:
    """Read a time of an answer; ``None`` when there is none, or it is not one."""
    try:
        return parse_time(text, datetime.now(UTC)) if text else None
    except ValueError:
        return None


def ago(when: str | None, as_of: str) -> str:
    """Return how long before ``as_of`` something was, in docker's words: ``3 minutes ago``; ``""`` when unknown."""
    then, now = moment(when), moment(as_of)
    if then is None or now is None:
        return printable(when or "")
    return f"{_length((now - then).total_seconds())} ago"


def _length(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    if 60 <= seconds < 120:
        return "about a minute"
    if 3600 <= seconds < 7200:
        return "about an hour"
    unit = next((unit for below, unit in _STEPS if seconds < below), "years")
    number = int(seconds / _UNITS.get(unit, 365 * 86400))
    return f"{number} {unit if number != 1 else unit.removesuffix('s')}"


def clock(when: str | None) -> str:
    """Return a time to the second: ``2026-01-31 12:00:03Z``; ``""`` when there is none."""
    then = moment(when)
    return then.strftime("%Y-%m-%d %H:%M:%SZ") if then is not None else printable(when or "")


def since(bounds: Bounds | UnsetType | None, as_of: str, exact: bool = False) -> str:
    """Return when something began, with both bounds; ``exact`` gives them as the register keeps them."""
    if bounds is UNSET or bounds is None:
        return ""
    show = (lambda when: printable(when or "")) if exact else clock
    if bounds.after is None:
        return f"{show(bounds.before)} or earlier (the node was not observed before)"
    span = f"after {show(bounds.after)}, at or before {show(bounds.before)}"
    return span if exact else f"{ago(bounds.before, as_of)} ({span})"


def first_seen(bounds: Bounds, as_of: str, exact: bool = False) -> str:
    """Return since when something is known, in short: ``3 days ago``; with the bound itself if ``exact``."""
    when = printable(bounds.before) if exact else ago(bounds.before, as_of)
    return f"{when} or earlier" if bounds.after is None else when


def directory(row: ContainerRow) -> str:
    """Return a container's directory, or why there is none."""
    if row.diff_path is not None:
        return printable(row.diff_path)
    return f"unknown: {printable(row.reason)}" if row.reason else "unknown"


def path_kind(kind: PathKind | None) -> str:
    """Return a path kind with what it means."""
    return f"{kind.value} ({_KINDS[kind]})" if kind is not None else ""


def mount(given: Mount) -> str:
    """Return one mount: destination, what is there, and whether it can only be read."""
    source = f"{given.type} {given.name}" if given.name else given.type
    where = f" {given.source}" if given.source else ""
    return printable(f"{given.destination} ← {source}{where}{'' if given.rw else ' (read-only)'}")


def node_name(hostname: str, node: str) -> str:
    """Return what people call a node."""
    return printable(hostname or node)


def coverage(given: Coverage) -> str:
    """Return what an answer covers: ``2 of 3 nodes observed; silent: n3 since 2026-01-31 12:00:03Z``."""
    known = given.nodes_observed + len(given.silent)
    if known == 0:
        return "no node has reported yet"
    then = f" at {clock(given.at)}" if given.at is not None else ""
    parts = [f"{given.nodes_observed} of {known} node{'' if known == 1 else 's'} observed{then}"]
    named = given.silent[:NAMED_NODES]
    parts += [
        f"{state}: " + ", ".join(_silent(node, given.as_of) for node in named if node.state == state)
        for state in dict.fromkeys(node.state for node in named)
    ]
    if len(given.silent) > len(named):
        parts.append(f"and {len(given.silent) - len(named)} more (`mountbook nodes` lists all)")
    return "; ".join(parts)


def _silent(node: SilentNode, as_of: str) -> str:
    name = node_name(node.hostname, node.node)
    if node.reason:
        after = f"after {clock(node.since)}" if node.since else "from ever"
        return f"{name} {after} until {clock(node.until) or 'now'} ({printable(node.reason)})"
    return f"{name} since {clock(node.since)} ({ago(node.since, as_of)})" if node.since else name


def count(number: int, noun: str, plural: str = "") -> str:
    """Return ``1 node``, ``2 nodes``; ``plural`` for a noun that has another."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def listed(names: Sequence[str], total: int, at_most: int = 5) -> str:
    """Return the first names, and how many there are beyond them."""
    shown = names[:at_most]
    more = max(total, len(names)) - len(shown)
    return printable(", ".join(shown)) + (f" and {more} more" if more else "")
