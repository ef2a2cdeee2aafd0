"""What happened, in words; and what a window covers."""

from typing import Final

from mountbook.output.words import clock, count, node_name, printable, short_id
from protocol.answers import Bounds
from protocol.memory import Change, Event, NodeCoverage, Unobserved, Version, WindowCoverage

CHANGES: Final = ("WHEN", "NODE", "KIND", "NAME", "WHAT", "SERVICE", "ID")
HISTORY: Final = ("FROM", "UNTIL", "NODE", "KIND", "NAME", "STATE", "WHAT", "PATH")

_NAMED: Final = 20
"""Most times without observation that are told one by one."""


def change_row(one: Change, no_trunc: bool = False) -> list[str]:
    """Return a change's cells below ``CHANGES``."""
    return [
        when(one.at, no_trunc),
        node_name(one.hostname, one.node),
        one.kind.value,
        printable(short_id(one.name, no_trunc)),
        happened(one.events, no_trunc),
        printable(one.service),
        printable(short_id(one.key, no_trunc)),
    ]


def version_row(one: Version, no_trunc: bool = False) -> list[str]:
    """Return a version's cells below ``HISTORY``."""
    until = when(one.ended, no_trunc) if one.ended is not None else "now"
    return [
        when(one.began, no_trunc),
        until,
        node_name(one.hostname, one.node),
        one.kind.value,
        printable(short_id(one.name, no_trunc)),
        printable(one.state),
        happened(one.events, no_trunc),
        printable(one.path),
    ]


def when(bounds: Bounds, exact: bool = False) -> str:
    """Return the later bound of a moment to the second, with how far before it the other lies; ``exact``: both."""
    if exact:
        return f"{bounds.after or 'ever'}..{bounds.before}"
    if bounds.after is None:
        return f"{clock(bounds.before)} or earlier"
    return clock(bounds.before)


def happened(events: list[Event], exact: bool = False) -> str:
    """Return what happened, one after the other."""
    return ", ".join(_event(one, exact) for one in events)


def _event(one: Event, exact: bool) -> str:
    word: str = one.event
    if one.event == "died":
        code = f" ({one.exit_code}" if one.exit_code is not None else ""
        memory = "out of memory" if one.oom_killed else ""
        word += f"{code}{', ' if memory and code else ' (' if memory else ''}{memory})" if code or memory else ""
    elif one.event == "renamed":
        word += f" from {printable(one.old)} to {printable(one.new)}"
    elif one.event == "changed":
        word += f" ({', '.join(map(printable, one.fields))})"
    if exact and one.engine_at:
        word += f" at {printable(one.engine_at)}"
    return word


def window(given: WindowCoverage) -> str:
    """Return what a window covers: how many nodes were wholly observed, and when the others were not."""
    if not given.nodes:
        return "no node was known in this time"
    span = f"from {clock(given.since)} until {clock(given.until)}"
    parts = [f"{given.nodes_observed} of {count(len(given.nodes), 'node')} observed all the time {span}"]
    gaps = [(node, gap) for node in given.nodes for gap in node.unobserved]
    parts += [_gap(node, gap) for node, gap in gaps[:_NAMED]]
    if len(gaps) > _NAMED:
        parts.append(f"and {len(gaps) - _NAMED} more times (--json has all)")
    return "\n  ".join(parts)


def _gap(node: NodeCoverage, gap: Unobserved) -> str:
    name = node_name(node.hostname, node.node)
    span = f"after {clock(gap.after)}" if gap.after else "from ever"
    until = clock(gap.before) if gap.before else "now"
    if gap.reason == "lost-events":
        return f"{name}: {printable(gap.detail)} events lost {span} until {until}"
    detail = f" {printable(gap.detail)}" if gap.detail and gap.reason == "incomplete" else ""
    return (
        f"{name}: not {'' if gap.whole else 'wholly '}observed {span} until {until} ({printable(gap.reason)}{detail})"
    )
