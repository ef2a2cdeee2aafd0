"""Credentials: tokens by their hash. The tokens themselves are nowhere."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from sqlalchemy import text

from collector.store.engine import Connection
from collector.store.ledger import AuditKind
from collector.store.nodes import NodeIdentity
from collector.store.reader import Reader
from collector.store.wire import Found

Epoch = tuple[object, ...]
"""Compared, and nothing else: while it is the same one, every token that was valid is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One token's record; ``cluster`` and ``node`` are ``""`` unless its role is ``agent``."""

    token_hash: bytes
    role: str
    cluster: str
    node: str
    comment: str
    created_at: datetime
    revoked_at: datetime | None

    @property
    def prefix(self) -> str:
        """The first digits of its hash: what people name it by."""
        return self.token_hash.hex()[:12]


def noted(action: str) -> str:
    """Return the INSERT that notes what was done to the tokens that the query ``changed`` gives."""
    return (
        f"INSERT INTO audit_pending (kind, body) SELECT '{AuditKind.TOKEN}', jsonb_build_object('action', '{action}', "
        "'token', left(encode(token_hash, 'hex'), 12), 'role', role, 'cluster', cluster, 'node', node, "
        "'comment', comment)::text FROM changed"
    )


_NAMES: Final = tuple(field.name for field in fields(Credential))
_COLUMNS: Final = ", ".join(_NAMES)
# A token that is there already is not made again, and the audit log does not say so.
_ADD: Final = text(
    "WITH changed AS (INSERT INTO credentials (token_hash, role, cluster, node, comment) "
    "VALUES (:token_hash, :role, :cluster, :node, :comment) ON CONFLICT (token_hash) DO NOTHING "
    f"RETURNING {_COLUMNS}) {noted('made')}"
)
_ADD_AGENTS: Final = text(
    "INSERT INTO credentials (token_hash, role, cluster, node, comment) "
    "SELECT x.token_hash, 'agent', :cluster, x.node, :comment FROM "
    "unnest(CAST(:hashes AS bytea[]), CAST(:nodes AS text[])) AS x (token_hash, node) "
    "ON CONFLICT (token_hash) DO NOTHING"
)
_FIND: Final = (
    f"SELECT {_COLUMNS} FROM credentials WHERE token_hash = ANY(CAST(:hashes AS bytea[])) AND revoked_at IS NULL"
)
# Counted, not asked for since when: a revocation may be older than an answer that did not see it, for want of its
# commit. A count of rows that are neither deleted nor made valid again misses none. Another server, a restarted one, or
# a table that was made anew or emptied may hold a backup, which lacks tokens that were valid.
_EPOCH: Final = (
    "SELECT count(*), max(revoked_at), pg_relation_filenode(to_regclass('credentials')), pg_postmaster_start_time() "
    "FROM credentials WHERE revoked_at IS NOT NULL"
)
_LIST: Final = text(f"SELECT {_COLUMNS} FROM credentials ORDER BY created_at, token_hash")
_REVOKE: Final = text(
    "WITH changed AS (UPDATE credentials SET revoked_at = clock_timestamp() "
    "WHERE encode(token_hash, 'hex') >= :low AND encode(token_hash, 'hex') < :high AND revoked_at IS NULL "
    f"RETURNING {_COLUMNS}), noted AS ({noted('revoked')}) SELECT {_COLUMNS} FROM changed"
)
_ROLES: Final = text("SELECT DISTINCT role FROM credentials WHERE revoked_at IS NULL")


async def add(connection: Connection, token_hash: bytes, role: str, whose: NodeIdentity, comment: str) -> None:
    """Keep a token's hash; one that is there already stays as it is. ``whose`` is empty unless it is an agent's."""
    values = {"token_hash": token_hash, "role": role, "comment": comment}
    await connection.execute(_ADD, {**values, "cluster": whose.cluster, "node": whose.node})


async def add_agents(connection: Connection, cluster: str, nodes: Mapping[str, bytes], comment: str) -> None:
    """Keep the token hashes of many nodes of one cluster at once."""
    values = {"cluster": cluster, "comment": comment, "nodes": list(nodes), "hashes": list(nodes.values())}
    await connection.execute(_ADD_AGENTS, values)


async def find(reader: Reader, hashes: Collection[bytes]) -> list[Credential]:
    """Return the valid credentials with these hashes."""
    return _credentials(await reader.rows(_FIND, _listed(hashes)))


async def find_and_epoch(reader: Reader, hashes: Collection[bytes]) -> tuple[list[Credential], Epoch]:
    """Return the valid credentials with these hashes, and the epoch; in one round trip."""
    found, (epoch,) = await reader.several((_FIND, _listed(hashes)), (_EPOCH, {}))
    return _credentials(found), epoch


def _listed(hashes: Collection[bytes]) -> dict[str, str]:
    # As text: the driver would adapt thousands of values one by one.
    listed = ",".join(f'"\\\\x{digest.hex()}"' for digest in hashes)
    return {"hashes": f"{{{listed}}}"}


def _credentials(found: Found) -> list[Credential]:
    return [Credential(**dict(zip(_NAMES, row, strict=True))) for row in found]


async def list_all(connection: Connection) -> list[Credential]:
    """Return every credential, revoked ones too, oldest first."""
    return [Credential(**row) for row in (await connection.execute(_LIST)).mappings()]


async def revoke(connection: Connection, prefix: str) -> list[Credential]:
    """End the validity of every credential whose hash begins with these hex digits; return them."""
    values = {"low": prefix, "high": prefix + "g"}  # "g" is above every hex digit
    return [Credential(**row) for row in (await connection.execute(_REVOKE, values)).mappings()]


async def roles(connection: Connection) -> set[str]:
    """Return the roles for which there is a valid credential."""
    return set((await connection.execute(_ROLES)).scalars())
