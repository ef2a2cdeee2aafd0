"""Who asks: tokens, roles, and when a collector may go without.

A token is 256 random bits, shown once; the register keeps its SHA-256. It is looked up by that hash, so the time that
takes tells nothing about a token.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from time import monotonic
from typing import Final, Literal, NamedTuple

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
"""Seconds for which what was found is believed without a question: a revocation takes so long at the most."""
_AHEAD: Final = 0.5
"""After this part of that time it is asked whether anything was revoked, while nobody has to wait for it yet."""
_REMEMBERED: Final = 600.0
"""Most seconds for which a token that was found is not looked up, even if nothing was revoked: what a database lacks
since somebody put rows of a backup back into it is not always to be seen from outside."""
_MOST_REMEMBERED: Final = 20_000


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


class _Found(NamedTuple):
    """Whose token it is, and until when (``monotonic``) it is not looked up again."""

    identity: Identity
    until: float


class Authenticator:
    """Finds out whose tokens are, and remembers it; every few seconds it asks whether anything was revoked.

    Only if it was, what was found is forgotten: how many tokens there are costs nothing as long as nothing happens to
    them. Thousands of agents come at once when a collector starts: one question is under way at a time, about every
    token that waits for it.
    """

    def __init__(self, database: Database, kept: float = _KEPT, remembered: float = _REMEMBERED) -> None:
        self._database, self._kept, self._remembered = database, kept, remembered
        self._found: dict[bytes, _Found] = {}
        self._epoch: credentials.Epoch | None = None
        self._believed_until = self._asked_next = 0.0
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
        now = monotonic()
        identity = self._remember(digest, now) if now < self._believed_until else None
        if identity is None:
            identity = await self._ask(digest)
        elif now >= self._asked_next:
            self._begin()
        if identity is None:
            raise _unknown()
        return identity

    def _remember(self, digest: bytes, now: float) -> Identity | None:
        found = self._found.get(digest)
        return found.identity if found is not None and now < found.until else None

    async def _ask(self, digest: bytes) -> Identity | None:
        answer = self._waiting.get(digest)
        if answer is None:
            answer = self._waiting[digest] = asyncio.get_running_loop().create_future()
        self._begin()
        # Shielded: one of several who wait for the answer may go away.
        return await asyncio.shield(answer)

    def _begin(self) -> None:
        if self._asking is None:
            self._asking = asyncio.create_task(self._answer(), name="tokens")

    async def _answer(self) -> None:
        try:
            await self._round()
            while self._waiting:
                await self._round()
        finally:
            self._asking = None

    async def _round(self) -> None:
        waiting, self._waiting = self._waiting, {}
        try:
            await self._look_up(waiting.keys())
        except Exception as exc:  # whoever waits gets it
            for answer in waiting.values():
                answer.set_exception(exc)
                answer.exception()  # nobody may be waiting any more
            return
        for digest, answer in waiting.items():
            found = self._found.get(digest)
            answer.set_result(found.identity if found is not None else None)
        for digest in list(islice(self._found, max(0, len(self._found) - _MOST_REMEMBERED))):
            del self._found[digest]

    async def _look_up(self, waiting: Collection[bytes]) -> None:
        """Have those of these tokens in ``_found`` that are valid, and no token there that is not."""
        now = monotonic()
        known = {digest for digest in waiting if self._remember(digest, now) is not None}
        unknown = [digest for digest in waiting if digest not in known]
        due = now >= min(self._asked_next, self._believed_until)
        if due:  # said before it is asked: who need not wait for the answer does not ask a database that is away again
            self._asked_next = now + self._kept * _AHEAD
        async with self._database.tokens() as reader:
            if due:
                found, epoch = await credentials.find_and_epoch(reader, unknown)
                if epoch != self._epoch:
                    self._found, self._epoch = {}, epoch
                    if known:
                        found += await credentials.find(reader, known)
                self._believed_until = now + self._kept
            else:
                found = await credentials.find(reader, unknown)
        for digest in unknown:
            self._found.pop(digest, None)
        for one in found:
            # Spread, so that those which came together do not all come again together.
            until = now + self._remembered * (0.5 + one.token_hash[0] / 512)
            self._found[one.token_hash] = _Found(_identity(one), until)


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
