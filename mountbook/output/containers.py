"""Containers as rows of a table and as blocks."""

from typing import Final

from mountbook.output.table import Field
from mountbook.output.words import ago, clock, directory, mount, node_name, path_kind, printable, short_id, since
from protocol.answers import ContainerRow

TITLES: Final = ("CONTAINER ID", "NAME", "NODE", "STATE", "IMAGE", "DIRECTORY")


def row(one: ContainerRow, no_trunc: bool = False) -> list[str]:
    """Return a container's cells below ``TITLES``; its directory is never cut."""
    return [
        short_id(one.container_id, no_trunc),
        printable(one.name),
        node_name(one.hostname, one.node),
        state_word(one),
        printable(short_id(one.image, no_trunc)),
        directory(one),
    ]


def state_word(one: ContainerRow) -> str:
    """Return the state in one word; a ghost is one that its engine no longer lists.

    What is not certain: the moment asked about lies between the bounds of the version's beginning or end.
    """
    word = "ghost" if one.ghost else printable(one.state)
    return f"{word} (not certain)" if one.certain is False else word


def block(one: ContainerRow, as_of: str, no_trunc: bool = False) -> list[Field]:
    """Return everything about where a container is, field by field."""
    node = node_name(one.hostname, one.node)
    belongs = (("service", one.service), ("stack", one.stack), ("task", one.task))
    return [
        ("Container", f"{printable(one.name)} ({short_id(one.container_id, no_trunc)})"),
        ("Node", f"{node} ({printable(one.node)})" if one.node and one.node != node else node),
        ("Directory", directory(one)),
        ("Kind", path_kind(one.path_kind)),
        ("Resolved by", one.resolved_by.value + (f" ({printable(one.backend)})" if one.backend else "")),
        ("Remark", printable(one.reason) if one.diff_path is not None else ""),
        ("Image", printable(one.image) or short_id(one.image_id, no_trunc)),
        ("Part of", printable(", ".join(f"{what} {name}" for what, name in belongs if name))),
        ("State", _state(one, as_of, no_trunc)),
        ("Since", since(one.began, as_of, no_trunc)),
        ("Until", since(one.ended, as_of, no_trunc)),
        ("Certain", "no: the moment asked about lies between the two bounds" if one.certain is False else ""),
        ("Mounts", [mount(given) for given in one.mounts]),
    ]


def _state(one: ContainerRow, as_of: str, no_trunc: bool) -> str:
    word = printable(one.state)
    if one.ghost:
        return "ghost (on disk, but its engine no longer lists it)"
    if one.state == "exited" and one.exit_code is not None:
        word += f" ({one.exit_code}{', out of memory' if one.oom_killed else ''})"
    verb, when = ("finished", one.finished_at) if one.state in ("exited", "dead") else ("started", one.started_at)
    if not when:
        return word
    return f"{word}, {verb} {printable(when) if no_trunc else f'{ago(when, as_of)} ({clock(when)})'}"
