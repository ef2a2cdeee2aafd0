"""The questions about sizes, and how to look into a container; apart from ``client``, which every command imports."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from protocol.sizes import DiskUse, Ghosts, MountCommands, Orphans, Top

if TYPE_CHECKING:
    from mountbook.client import Client

PAGE = 1000
"""Items on a page: the collector's most."""


def disk_use(client: "Client", node: str | None) -> DiskUse:
    """Return where the bytes are."""
    return client.get("/api/v1/df", [("node", node)], DiskUse)


def top(client: "Client", *, by: str, order: str, since: str | None, node: str | None, limit: int) -> Top:
    """Return the first ``limit`` rows of a ranking, from as many pages as that takes."""
    query = [("by", by), ("order", order), ("since", since), ("node", node), ("limit", str(min(limit, PAGE)))]
    first = page = client.get("/api/v1/top", query, Top)
    rows = list(first.rows)
    while page.next is not None and len(rows) < limit:
        page = client.get("/api/v1/top", [*query, ("cursor", page.next)], Top)
        rows += page.rows
    return msgspec.structs.replace(first, rows=rows[:limit], next=page.next)


def orphans(client: "Client", filters: Sequence[str], node: str | None, at: str | None = None) -> Orphans:
    """Return every orphan, from as many pages as there are."""
    query = _filtered(filters, node, at)
    page = client.get("/api/v1/orphans", query, Orphans)
    rows = list(page.orphans)
    while page.next is not None:
        page = client.get("/api/v1/orphans", [*query, ("cursor", page.next)], Orphans)
        rows += page.orphans
    return msgspec.structs.replace(page, orphans=rows)


def ghosts(client: "Client", filters: Sequence[str], node: str | None, at: str | None = None) -> Ghosts:
    """Return every ghost, from as many pages as there are."""
    query = _filtered(filters, node, at)
    page = client.get("/api/v1/ghosts", query, Ghosts)
    rows = list(page.ghosts)
    while page.next is not None:
        page = client.get("/api/v1/ghosts", [*query, ("cursor", page.next)], Ghosts)
        rows += page.ghosts
    return msgspec.structs.replace(page, ghosts=rows)


def mount_commands(client: "Client", ref: str, node: str | None, at: str | None = None) -> MountCommands:
    """Return the command for every container that the reference names."""
    query = [("ref", ref), ("node", node), ("at", at), ("limit", str(PAGE))]
    first = page = client.get("/api/v1/mount-command", query, MountCommands)
    commands = list(first.commands)
    while page.next is not None:
        page = client.get("/api/v1/mount-command", [*query, ("cursor", page.next)], MountCommands)
        commands += page.commands
    return msgspec.structs.replace(first, commands=commands, coverage=page.coverage, next=None)


def _filtered(filters: Sequence[str], node: str | None, at: str | None) -> list[tuple[str, str | None]]:
    return [("node", node), ("at", at), ("limit", str(PAGE)), *(("filter", text) for text in filters)]
