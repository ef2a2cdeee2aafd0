"""The questions about the past; apart from ``client``, which every command imports."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from protocol.memory import Change, ChangesEnd, History

if TYPE_CHECKING:
    from mountbook.client import Client

PAGE = 1000
"""Items on a page: the collector's most."""


def history(client: "Client", ref: str, *, node: str | None) -> History:
    """Return every version of what the reference names, from as many pages as there are."""
    query = [("ref", ref), ("node", node), ("limit", str(PAGE))]
    first = page = client.get("/api/v1/history", query, History)
    versions = list(first.versions)
    while page.next is not None:
        page = client.get("/api/v1/history", [*query, ("cursor", page.next)], History)
        versions += page.versions
    return msgspec.structs.replace(first, versions=versions, coverage=page.coverage, next=None)


def events(client: "Client", *, since: str | None, filters: Sequence[str], node: str | None) -> Iterator[Change]:
    """Yield changes as they come, until the collector ends it."""
    query = [("since", since), ("node", node), *(("filter", text) for text in filters)]
    for line in client.lines("/api/v1/events", query):
        if line:
            yield client.decode(line, Change)


def evidence(
    client: "Client", ref: str, *, node: str | None, at: str | None, since: str | None, until: str | None
) -> bytes:
    """Return the signed archive about what the reference names."""
    query = [("ref", ref), ("node", node), ("at", at), ("since", since), ("until", until)]
    return client.content("/api/v1/evidence", query)


def changes(
    client: "Client", *, since: str | None, until: str | None, filters: Sequence[str], node: str | None
) -> Iterator[Change | ChangesEnd]:
    """Yield every change of the window, oldest first, then the end of the stream with its coverage."""
    query = [("since", since), ("until", until), ("node", node), *(("filter", text) for text in filters)]
    held: bytes | None = None  # only the last line is no change
    rows = 0
    for line in client.lines("/api/v1/changes", query):
        if held is not None:
            yield client.decode(held, Change)
            rows += 1
        held = line
    end = client.decode(held or b"", ChangesEnd)
    if end.rows != rows:
        raise client.strange(f"{rows} rows and the word that there are {end.rows}")
    yield end
