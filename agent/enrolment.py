"""Enrolment with a join secret: the agent makes a token, lets the collector know its hash, and keeps it.

The token and whose it is lie in ``identity.json`` (0600) in the state directory. A node that left its Swarm and came
back under a new ID finds the old one's there, and makes a new token. The token is kept before it is told: an answer
that is lost, or a stop in between, costs nothing.
"""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
import structlog

from agent.credential import read_secret
from agent.errors import ConfigError
from agent.outcome import Outcome, Rejected, Reply, Unreachable
from agent.wire import Body, encode
from protocol.enrol import Enrol, Enrolled
from protocol.messages import Engine
from protocol.problems import ProblemType

_NAME: Final = "identity.json"
_log = structlog.stdlib.get_logger("agent.enrolment")


class Poster(Protocol):
    """What sends a message: ``agent.client.CollectorClient``."""

    async def post(self, name: str, body: Body, answer: type[Reply]) -> Outcome:
        """Send a message and return what became of it."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Whom this agent's token speaks for. ``cluster`` is ``""`` where the collector chooses."""

    cluster: str
    node: str
    token: str

    @property
    def token_hash(self) -> str:
        """What the collector is told of the token."""
        return hashlib.sha256(self.token.encode()).hexdigest()


class IdentityFile:
    """``identity.json`` in the agent's state directory."""

    def __init__(self, state_dir: str) -> None:
        self._path = os.path.join(state_dir, _NAME)

    def load(self) -> Identity | None:
        """Return what is kept; None when nothing is, or nothing that can be read (which is reported)."""
        try:
            with open(self._path, "rb") as file:
                return msgspec.json.decode(file.read(8192), type=Identity)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as exc:
            _log.warning("the kept identity cannot be read; enrolling anew", path=self._path, why=str(exc))
            return None

    def save(self, identity: Identity) -> None:
        """Keep it, whole or not at all, and on the disk before this returns.

        Raises:
            ConfigError: the directory cannot be written to.
        """
        fresh = f"{self._path}.new"
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh)
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(msgspec.json.encode(identity))
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self._path)
        except OSError as exc:
            raise ConfigError(
                (f"MOUNTBOOK_STATE_DIR: {self._path} cannot be written: {exc.strerror}; the token has to be kept",)
            ) from exc


class Enrolling:
    """The way to the collector of an agent that enrols itself: before the first message, and when its token is unknown.

    ``poster`` sends messages with the token that ``token()`` gives, ``joiner`` with the join secret. ``engine`` tells
    what is known of the engine; ``cluster`` and ``node`` are what the configuration says of this node, or ``""``.
    """

    def __init__(
        self,
        identities: IdentityFile,
        engine: Callable[[], Engine],
        *,
        cluster: str,
        node: str,
    ) -> None:
        self._identities, self._engine, self._cluster, self._node = identities, engine, cluster, node
        self._identity: Identity | None = None
        self._enrolled = False
        self._poster: Poster | None = None
        self._joiner: Poster | None = None

    def over(self, poster: Poster, joiner: Poster) -> "Enrolling":
        """Send messages by these two."""
        self._poster, self._joiner = poster, joiner
        return self

    def token(self) -> str:
        """Return this node's token.

        Raises:
            ConfigError: there is none yet.
        """
        if self._identity is None:
            raise ConfigError(("the node is not enrolled yet",))
        return self._identity.token

    async def post(self, name: str, body: Body, answer: type[Reply]) -> Outcome:
        """Enrol if that is due, then send the message; what keeps the agent from enrolling is the outcome."""
        if self._poster is None or self._joiner is None:
            raise RuntimeError("nothing to send by: call over first")
        if not self._enrolled:
            outcome = await self._enrol(self._joiner)
            if not isinstance(outcome, Enrolled):
                return outcome
        outcome = await self._poster.post(name, body, answer)
        if isinstance(outcome, Rejected) and outcome.type is ProblemType.UNAUTHENTICATED:
            # Unknown (the database is older than the enrolment) or revoked: the collector says which.
            self._enrolled = False
        return outcome

    async def _enrol(self, joiner: Poster) -> Outcome:
        engine = self._engine()
        try:
            identity = self._own(engine)
        except ConfigError as exc:
            return Unreachable(str(exc))
        message = Enrol(
            cluster=identity.cluster,
            node=identity.node,
            token_hash=identity.token_hash,
            hostname=engine.hostname,
            engine_id=engine.engine_id,
        )
        outcome = await joiner.post("enroll", encode(message), Enrolled)
        if isinstance(outcome, Enrolled):
            self._enrolled = True
            _log.info("the node is enrolled", cluster=outcome.cluster, node=outcome.node)
        return outcome

    def _own(self, engine: Engine) -> Identity:
        """Return the identity of this node: the kept one if it is this node's, else a new one, kept from now on."""
        node = self._node or engine.swarm_node or (f"engine:{engine.engine_id}" if engine.engine_id else "")
        if not node:
            raise ConfigError(("what this node is called is not known yet: no engine answers; or set MOUNTBOOK_NODE",))
        cluster = self._cluster or engine.swarm_cluster
        kept = self._identities.load()
        # A worker knows no cluster: a node that was a manager before keeps what it enrolled with.
        if kept is None or kept.node != node or (self._cluster and kept.cluster != cluster):
            kept = Identity(cluster=cluster, node=node, token=f"mb_{secrets.token_urlsafe(32)}")
            self._identities.save(kept)
        self._identity = kept
        return kept


def join_secret(path: str) -> Callable[[], str]:
    """Return what reads the join secret, anew each time: a file that is replaced is taken up."""
    return lambda: read_secret(path, "join secret")
