"""What the register holds of the simulated nodes: asked of its database, past the collector."""

from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg

from mountbook.errors import UserError
from protocol.statehash import total


class Register:
    """A connection to the register's database; use it as an asynchronous context manager."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open: psycopg.AsyncConnection[tuple[Any, ...]] | None = None

    async def __aenter__(self) -> Self:
        try:
            self._open = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        except psycopg.Error as exc:
            raise UserError(f"The database cannot be reached: {str(exc).strip()}") from exc
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            await self._open.close()

    async def check_only(self, cluster: str) -> None:
        """Look whether nobody but simulated nodes is in the register.

        Raises:
            UserError: others are: they would have thousands of silent nodes beside them for ever.
        """
        others = await self._number("SELECT count(*) FROM nodes WHERE cluster <> %s", cluster)
        if others:
            raise UserError(
                f"The database holds {others} nodes that are not simulated, and simulated ones would stay beside them "
                "as silent nodes. Name another database with --database, or none: then the simulation makes one."
            )

    async def wal_bytes(self) -> int:
        """Return how many bytes of write-ahead log there have been."""
        return await self._number("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")

    async def entries(self, cluster: str) -> int:
        """Return how many current entries there are."""
        return await self._number(
            "SELECT count(*) FROM entries JOIN nodes ON nodes.id = entries.node_id WHERE nodes.cluster = %s", cluster
        )

    async def sums(self, cluster: str) -> dict[str, tuple[int, int]]:
        """Return, by node, the state hash that the register notes, and the one that its rows come to."""
        noted: dict[str, int] = {}
        hashes: dict[str, list[bytes]] = {}
        async for node, state_hash in self._rows("SELECT node, state_hash FROM nodes WHERE cluster = %s", cluster):
            noted[node] = int.from_bytes(state_hash, "big")
            hashes[node] = []
        async for node, digest in self._rows(
            "SELECT nodes.node, entries.hash FROM entries JOIN nodes ON nodes.id = entries.node_id "
            "WHERE nodes.cluster = %s",
            cluster,
        ):
            hashes[node].append(digest)
        return {node: (noted[node], total(held)) for node, held in hashes.items()}

    async def missing(self, cluster: str, versions: Iterable[bytes]) -> int:
        """Return how many of these versions are neither current nor in the history."""
        left = set(versions)
        async for (digest,) in self._rows(
            "SELECT v.hash FROM (SELECT node_id, hash FROM entries UNION ALL SELECT node_id, hash FROM history) AS v "
            "JOIN nodes ON nodes.id = v.node_id WHERE nodes.cluster = %s",
            cluster,
        ):
            left.discard(digest)
        return len(left)

    async def _number(self, query: LiteralString, *values: str) -> int:
        async for (number,) in self._rows(query, *values):
            return int(number)
        raise RuntimeError("a query for one number gave no row")

    async def _rows(self, query: LiteralString, *values: str) -> AsyncIterator[tuple[Any, ...]]:
        if self._open is None:
            raise RuntimeError("the register is not open: use it as an asynchronous context manager")
        async with self._open.cursor() as cursor:
            async for row in cursor.stream(query, values):
                yield row
