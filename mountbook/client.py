"""The questions that the command asks a collector, and their answers as values."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from mountbook.connection import Connection
from mountbook.credentials import Token
from protocol.answers import ContainerRow, Nodes, Ready, StreamEnd, Where, WhoseAnswer
from protocol.audit import AuditEnd, AuditEntry, AuditStatus
from protocol.version import RELEASE

if TYPE_CHECKING:
    from mountbook.download import Answer

PAGE: Final = 1000
"""Items on a page: the collector's most."""

_ENTRIES: Final = msgspec.json.Decoder(AuditEntry)

T = TypeVar("T")
Query = Sequence[tuple[str, str | None]]


class Client:
    """Questions to one collector. A context manager. Not safe for threads.

    Every method raises ``UserError``: status 3 when the collector cannot be reached or does not answer like one,
    2 when it refuses; and ``NotFoundError`` when the register knows nothing by that name.
    """

    def __init__(self, url: str, token: Token | None) -> None:
        self._connection = Connection(url, token)
        self.url = self._connection.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._connection.close()

    def where(self, ref: str, *, node: str | None = None, at: str | None = None) -> Where:
        """Return every container that the reference names, from as many pages as there are."""
        query = [("ref", ref), ("node", node), ("at", at), ("limit", str(PAGE))]
        first = page = self.get("/api/v1/where", query, Where)
        containers = list(first.containers)
        while page.next is not None:
            page = self.get("/api/v1/where", [*query, ("cursor", page.next)], Where)
            containers += page.containers
        return msgspec.structs.replace(first, containers=containers, coverage=page.coverage, next=None)

    def whose(self, paths: Sequence[str], *, node: str | None = None, at: str | None = None) -> WhoseAnswer:
        """Return one answer for every path, in their order."""
        body = {"paths": paths} | {key: value for key, value in (("node", node), ("at", at)) if value is not None}
        answer = self._decode(self._connection.ask("POST", "/api/v1/whose", msgspec.json.encode(body)), WhoseAnswer)
        if len(answer.answers) != len(paths):
            raise self._connection.strange(f"{len(answer.answers)} answers to {len(paths)} paths")
        return answer

    def containers(
        self, *, filters: Sequence[str] = (), node: str | None = None, at: str | None = None
    ) -> Iterator[ContainerRow | StreamEnd]:
        """Yield every container as one moment had them, then the end of the stream with its coverage."""
        query = [("node", node), ("at", at), *(("filter", text) for text in filters)]
        held: bytes | None = None  # only the last line is no container
        rows = 0
        for line in self._connection.stream(_target("/api/v1/containers", query)):
            if held is not None:
                yield self._decode(held, ContainerRow)
                rows += 1
            held = line
        end = self._decode(held or b"", StreamEnd)
        if end.rows != rows:
            raise self._connection.strange(f"{rows} rows and the word that there are {end.rows}")
        yield end

    def nodes(self, *, at: str | None = None) -> Nodes:
        """Return every node that the register knows, or that belonged to its cluster at a moment."""
        return self.get("/api/v1/nodes", [("at", at)], Nodes)

    @contextmanager
    def report(self, name: str, query: Query, media: str) -> Iterator["Answer"]:
        """Ask for a report as a file of this media type; the answer is read before the context ends."""
        with self._connection.file(_target(f"/api/v1/reports/{name}", query), media) as answer:
            yield answer

    def audit(self) -> AuditStatus:
        """Return where the audit log stands."""
        return self.get("/api/v1/audit", (), AuditStatus)

    def audit_log(self, kind: str | None = None) -> Iterator[list[AuditEntry]]:
        """Yield the audit log from its beginning, or its entries of one kind; a stream that breaks off is an error.

        It comes in lists of some hundred entries, as they arrive: one by one they would cost more than their hashes.
        """
        held = b""  # only the last line is no entry
        entries = 0
        for run in self._connection.runs(_target("/api/v1/audit/log", [("kind", kind)])):
            lines, _, held = (held + b"\n" + run if held else run).rpartition(b"\n")
            found = self._read(partial(_ENTRIES.decode_lines, lines))
            entries += len(found)
            yield found
        end = self._decode(held, AuditEnd)
        if end.entries != entries:
            raise self._connection.strange(f"{entries} entries and the word that there are {end.entries}")

    def ready(self) -> Ready:
        """Return what the collector says of itself when it can answer."""
        return self.get("/readyz", (), Ready)

    def get(self, path: str, query: Query, shape: type[T]) -> T:
        """Return the answer to a question that has no method of its own (``mountbook.sizes``)."""
        return self._decode(self._connection.ask("GET", _target(path, query)), shape)

    def lines(self, path: str, query: Query) -> Iterator[bytes]:
        """Yield the lines of a streamed answer that has no method of its own (``mountbook.memory``)."""
        return self._connection.stream(_target(path, query))

    def content(self, path: str, query: Query) -> bytes:
        """Return an answer that is no JSON, as it is."""
        return self._connection.ask("GET", _target(path, query))

    def strange(self, what: str) -> Exception:
        """Return the error for an answer that no collector gives; ``what`` ends the sentence "it sent …"."""
        return self._connection.strange(what)

    def decode(self, content: bytes, shape: type[T]) -> T:
        """Read what a collector sent."""
        return self._decode(content, shape)

    def _decode(self, content: bytes, shape: type[T]) -> T:
        return self._read(lambda: msgspec.json.decode(content, type=shape))

    def _read(self, decode: Callable[[], T]) -> T:
        try:
            return decode()
        except msgspec.ValidationError as exc:
            what = f"{exc} (this is mountbook {RELEASE}; is the collector a newer one?)"
            raise self._connection.strange(what) from exc
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise self._connection.strange("what is no JSON") from exc


def _target(path: str, query: Query) -> str:
    given = [(name, value) for name, value in query if value is not None]
    return f"{path}?{urlencode(given, quote_via=quote)}" if given else path
