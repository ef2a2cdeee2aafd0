"""Owners of paths as blocks."""

from typing import Final

from mountbook.output.table import Field
from mountbook.output.words import clock, listed, node_name, printable, short_id, since
from protocol.answers import Bounds, ContainerBrief, Owner, Whose
from protocol.entries import Kind

NOBODY: Final = "nobody known"

_USERS: Final = {Kind.VOLUME: "Mounted by", Kind.BIND: "Mounted by"}


def block(owner: Owner, as_of: str, no_trunc: bool = False) -> list[Field]:
    """Return everything about one owner, field by field."""
    node = node_name(owner.hostname, owner.node)
    belongs = (("service", owner.service), ("stack", owner.stack))
    users = [_user(brief, no_trunc) for brief in owner.containers]
    if owner.containers_total > len(users):
        users.append(f"and {owner.containers_total - len(users)} more")
    return [
        ("Owner", printable(owner.sentence)),
        ("Inside", printable(owner.inside or "")),
        ("Node", f"{node} ({printable(owner.node)})" if owner.node and owner.node != node else node),
        ("ID", printable(short_id(owner.key, no_trunc))),
        ("Image", printable(owner.image)),
        ("Part of", printable(", ".join(f"{what} {name}" for what, name in belongs if name))),
        ("Belongs to", printable(owner.matched)),
        ("Since", since(owner.began, as_of, no_trunc)),
        ("Until", since(owner.ended, as_of, no_trunc)),
        ("Certain", "no: the moment asked about lies between the two bounds" if owner.certain is False else ""),
        ("Images", listed(owner.images, owner.images_total, at_most=20)),
        (_USERS.get(owner.kind, "Used by"), users),
    ]


def in_short(owner: Owner) -> str:
    """Return an owner in one line, with whether it is certain that it was one at the moment asked about."""
    return printable(owner.sentence) + (" (not certain)" if owner.certain is False else "")


def nobody(answer: Whose) -> str:
    """Return in words that nobody owns a path, and who was the last that did."""
    if not answer.former:
        return NOBODY
    last = answer.former[0]
    until = clock(last.ended.before) if isinstance(last.ended, Bounds) else ""
    return f"{NOBODY}; until {until} {printable(last.sentence)}"


def former(owner: Owner, as_of: str, no_trunc: bool = False) -> list[Field]:
    """Return everything about one that owned a path once."""
    (_, sentence), *rest = block(owner, as_of, no_trunc)
    return [("Last owner", sentence), *rest]


def also_visible(answer: Whose) -> list[str]:
    """Return in words where else the path can be seen."""
    lines = [printable(owner.sentence) for owner in answer.also_visible]
    more = answer.also_visible_total - len(lines)
    return [*lines, f"and {more} more"] if more > 0 else lines


def _user(brief: ContainerBrief, no_trunc: bool) -> str:
    at = f" at {brief.inside or brief.destination}" if brief.inside or brief.destination else ""
    state = f", {brief.state}" if brief.state else ""
    return printable(f"{brief.name} ({short_id(brief.container_id, no_trunc)}){at}{state}")
