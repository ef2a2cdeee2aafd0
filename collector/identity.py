"""Who asks: tokens, roles, and when a collector may go without.

A token is 256 random bits, shown once; the register keeps its SHA-256. It is looked up by that hash, so the time that
takes tells nothing about a token.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import Final, Literal

from collector.errors import CollectorError, ProblemError, StartError
from collector.store import credentials
from collector.store.credentials import Credential
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.problems import ProblemType

Role = Literal["agent", "operator", "auditor", "admin"]
ROLES: Final[tuple[Role, ...]] = ("agent", "operator", "auditor", "admin")
READERS: Final[frozenset[Role]] = frozenset({"operator", "auditor", "admin"})
"""Roles that may ask questions."""
AUDITORS: Final[frozenset[Role]] = frozenset({"auditor", "admin"})
"""Roles that may read the audit log."""

_PREFIX: Final = "mb_"
"""So that a token is recognised as one where it should not be."""
_LONGEST: Final = 256
_LEAST_PREFIX: Final = 6
_KEPT: Final = 5.0
"""Seconds for which a token that was found is not looked up again: a revocation takes so long at the most."""
_MOST_KEPT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks. ``node`` is set for an agent, and only then; ``name`` is for the access log."""

    role: Role
    name: str
    node: NodeIdentity | None = None

    @property
    def reads(self) -> bool:
        """Whether it may ask questions."""
        return self.role in READERS

    @property
    def audits(self) -> bool:
        """Whether it may read the audit log: auditors, administrators, and everybody while reads are open."""
        return self.role in AUDITORS or self == ANONYMOUS


ANONYMOUS: Final = Identity("operator", "anonymous")
"""Who asks without a token where reads are open."""


class CredentialError(CollectorError):
    """A credential cannot be made or revoked as told."""


class Authenticator:
    """Finds out whose tokens are; what was found is believed for a few seconds.

    Thousands of agents come at once when a collector starts: one query is under way at a time, about every token that
    waits for it; and when what was found has become too old, about all of them together.
    """

    def __init__(self, database: Database, kept: float = _KEPT) -> None:
        self._database, self._kept = database, kept
        self._found: dict[bytes, Identity] = {}
        self._believed_until = 0.0
        self._waiting: dict[bytes, asyncio.Future[Identity | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def authenticate(self, token: str) -> Identity:
        """Return whose token it is.

        Raises:
            ProblemError: ``unauthenticated``, and what the store raises.
        """
        if not token or len(token) > _LONGEST:
            raise _unknown()
        digest = token_hash(token)
        identity = self._found.get(digest) if monotonic() < self._believed_until else None
        if identity is None:
            identity = await self._ask(digest)
        if identity is None:
            raise _unknown()
        return identity

    async def _ask(self, digest: bytes) -> Identity | None:
        answer = self._waiting.get(digest)
        if answer is None:
            answer = self._waiting[digest] = asyncio.get_running_loop().create_future()
        if self._asking is None:
            self._asking = asyncio.create_task(self._answer(), name="tokens")
        # Shielded: one of several who wait for the answer may go away.
        return await asyncio.shield(answer)

    async def _answer(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, {}
                try:
                    await self._look_up(waiting)
                except Exception as exc:  # whoever waits gets it
                    for answer in waiting.values():
                        answer.set_exception(exc)
                        answer.exception()  # nobody may be waiting any more
        finally:
            self._asking = None

    async def _look_up(self, waiting: dict[bytes, asyncio.Future[Identity | None]]) -> None:
        now = monotonic()
        if len(self._found) >= _MOST_KEPT:
            self._found = {}
        anew = now >= self._believed_until
        async with self._database.tokens() as connection:
            found = await credentials.find(connection, {*waiting, *self._found} if anew else waiting.keys())
        identities = {one.token_hash: _identity(one) for one in found}
        if anew:
            self._found, self._believed_until = identities, now + self._kept
        else:
            self._found |= identities
        for digest, answer in waiting.items():
            answer.set_result(self._found.get(digest))


def new_token() -> str:
    """Return a new token: 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


async def add(
    database: Database, role: str, *, cluster: str = "", node: str = "", comment: str = "", token: str = ""
) -> str:
    """Make a credential and return its token (``token``: a given one, such as a Docker secret).

    Raises:
        CredentialError: the role is unknown, or the node is missing or too much.
        ProblemError: what the store raises.
    """
    if role not in ROLES:
        raise CredentialError(f"there is no role {role!r}; the roles are {', '.join(ROLES)}")
    if (role == "agent") != bool(cluster and node) or (role != "agent" and (cluster or node)):
        raise CredentialError("a token of the role agent speaks for one node: give cluster and node, and only then")
    if any("\x00" in value for value in (cluster, node, comment)):
        raise CredentialError("cluster, node and comment hold no NUL")
    token = token or new_token()
    async with database.ingest() as connection:
        await credentials.add(connection, token_hash(token), role, NodeIdentity(cluster, node), comment)
    return token


async def add_agents(database: Database, cluster: str, nodes: Iterable[str], comment: str) -> dict[str, str]:
    """Make a credential for each of these nodes of one cluster, and return their tokens by node.

    Raises:
        ProblemError: what the store raises.
    """
    tokens = {node: new_token() for node in nodes}
    async with database.ingest() as connection:
        hashes = {node: token_hash(token) for node, token in tokens.items()}
        await credentials.add_agents(connection, cluster, hashes, comment)
    return tokens


async def add_given(database: Database, token: str) -> None:
    """Make sure that a token which was given from outside, a Docker secret say, has the role admin.

    Raises:
        ProblemError: what the store raises.
    """
    await add(database, "admin", comment="given at the collector's start", token=token)


async def revoke(database: Database, prefix: str) -> Credential:
    """End the validity of the token that these first digits of its hash name.

    Raises:
        CredentialError: they name none, or more than one.
        ProblemError: what the store raises.
    """
    prefix = check_prefix(prefix)
    async with database.ingest() as connection:
        revoked = await credentials.revoke(connection, prefix)
        if len(revoked) != 1:
            found = "no valid token" if not revoked else f"{len(revoked)} tokens"
            raise CredentialError(f"{found} can be named {prefix!r}; see `mountbook token list`")
    return revoked[0]


def check_prefix(prefix: str) -> str:
    """Return the first digits of a token's hash in lower case.

    Raises:
        CredentialError: they are too few, or no hex digits.
    """
    prefix = prefix.lower()
    if len(prefix) < _LEAST_PREFIX or not set(prefix) <= set("0123456789abcdef"):
        raise CredentialError(f"{prefix[:80]!r} names no token; give at least {_LEAST_PREFIX} hex digits of its hash")
    return prefix


async def reads_are_open(database: Database, host: str) -> bool:
    """Whether questions need no token: on a loopback address, while nobody has one.

    Raises:
        ProblemError: what the store raises.
    """
    async with database.query() as connection:
        return is_loopback(host) and not READERS & await credentials.roles(connection)


async def has_credentials(database: Database) -> bool:
    """Whether there is any valid credential.

    Raises:
        ProblemError: what the store raises.
    """
    async with database.query() as connection:
        return bool(await credentials.roles(connection))


def check_join_secret(expected: str, given: str) -> None:
    """Look whether ``given`` is the join secret; the time that takes tells nothing about it.

    Raises:
        ProblemError: ``forbidden``, nobody may enrol here; ``unauthenticated``, it is another one.
    """
    if not expected:
        raise ProblemError(
            ProblemType.FORBIDDEN,
            "agents cannot enrol here: the collector has no join secret; set MOUNTBOOK_JOIN_SECRET_FILE, or give the "
            "node's agent a token of `mountbook token create --role agent`",
        )
    if not hmac.compare_digest(token_hash(given), token_hash(expected)):
        raise ProblemError(
            ProblemType.UNAUTHENTICATED,
            "the join secret is another one; agents and collector must be given the same",
        )


def check_exposure(host: str, has_credentials: bool) -> None:
    """Refuse to listen where others can reach a collector that has no credentials.

    Raises:
        StartError: with what to do.
    """
    if has_credentials or is_loopback(host):
        return
    raise StartError(
        f"the collector would listen on {host} for everybody, because there is no credential yet. Make one with "
        "`mountbook token create --role operator --database URL`, or set MOUNTBOOK_HOST to 127.0.0.1"
    )


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _identity(credential: Credential) -> Identity:
    role = next(role for role in ROLES if role == credential.role)
    node = NodeIdentity(credential.cluster, credential.node) if role == "agent" else None
    return Identity(role, credential.comment or credential.prefix, node)


def _unknown() -> ProblemError:
    return ProblemError(
        ProblemType.UNAUTHENTICATED,
        "the token is missing, unknown or revoked; "
        "`mountbook token create` makes one, `mountbook login` keeps it for later commands",
    )
