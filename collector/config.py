"""The collector's configuration: one frozen object, checked whole, every problem reported at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from collector.errors import ConfigError
from protocol.messages import HEARTBEAT_EVERY, MISSED_HEARTBEATS
from protocol.text import is_token

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8480
DEFAULT_CLUSTER: Final = "local"
DEFAULT_RETENTION: Final = 13
LEAST_SECRET: Final = 16
"""Fewest characters of a join secret or an admin token."""

ENVIRONMENT: Final[dict[str, str]] = {
    "MOUNTBOOK_DATABASE": "database_url: the register's PostgreSQL, postgresql://USER:PASSWORD@HOST/NAME",
    "MOUNTBOOK_DATABASE_FILE": "database_url: a file that holds it (a Docker secret), instead",
    "MOUNTBOOK_DATABASE_PASSWORD_FILE": "database_url: a file with the password that the address lacks",
    "MOUNTBOOK_JOIN_SECRET_FILE": "join_secret: a file with the secret that lets agents enrol",
    "MOUNTBOOK_ADMIN_TOKEN_FILE": "admin_token: a file with a token that has the role admin",
    "MOUNTBOOK_SIGNING_KEY_FILE": "signing_key: a file with the key (64 hex digits) that signs checkpoints",
    "MOUNTBOOK_CHECKPOINTS": "checkpoints: a directory outside the database where checkpoints are kept",
    "MOUNTBOOK_RETENTION": f"retention: months for which history and audit log are kept; default {DEFAULT_RETENTION}",
    "MOUNTBOOK_CLUSTER": "cluster: the cluster of agents that name none; default local",
    "MOUNTBOOK_HOST": f"host: the address to listen on; default {DEFAULT_HOST}",
    "MOUNTBOOK_PORT": f"port: the port to listen on, 0 for a free one; default {DEFAULT_PORT}",
    "MOUNTBOOK_INGEST_POOL": "ingest_pool: most connections for snapshots and deltas, and for other writing; default 8",
    "MOUNTBOOK_INGEST_WAITING": "ingest_waiting: most messages but deltas that wait for such a connection; default 64",
    "MOUNTBOOK_QUERY_POOL": "query_pool: most connections for questions; default 8",
    "MOUNTBOOK_INGEST_TIMEOUT": "ingest_timeout: most seconds of one statement of ingest; default 60",
    "MOUNTBOOK_QUERY_TIMEOUT": "query_timeout: most seconds of one statement of a question; default 30",
    "MOUNTBOOK_HEARTBEAT": f"heartbeat: seconds between an agent's heartbeats; default {HEARTBEAT_EVERY:g}",
    "MOUNTBOOK_RELIST": "relist: least seconds between two full looks of an agent; default 30",
    "MOUNTBOOK_PATIENCE": "patience: seconds to wait at the start for the database and its migration; default 30",
}
"""Every variable of the environment that the collector reads, and the field it sets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything the collector can be told. Lengths of time are in seconds."""

    database_url: str = field(repr=False)
    """The register's database as libpq names it; it may hold a password."""
    join_secret: str = field(default="", repr=False)
    """Who knows it may enrol a node that has no token yet; empty: nobody may."""
    admin_token: str = field(default="", repr=False)
    """A token of the role admin from outside, such as a Docker secret; empty: tokens are made beside the database."""
    signing_key: str = field(default="", repr=False)
    """What signs checkpoints of the audit log, 64 hex digits; empty: it is chained, and nothing is signed."""
    checkpoints: str = ""
    """A directory outside the database where checkpoints are kept; empty: they are lines of the log only."""
    retention: int = DEFAULT_RETENTION
    """For so many whole months closed versions and the audit log are kept, beside the present one."""
    cluster: str = DEFAULT_CLUSTER
    """The cluster of an enrolment that names none."""
    host: str = DEFAULT_HOST
    """Address to listen on. With no credential in the database only a loopback address is accepted."""
    port: int = DEFAULT_PORT
    """Port to listen on; 0 takes a free one."""
    ingest_pool: int = 8
    """Most connections to the database for what agents tell of their nodes, and as many again for everything else that
    writes; one more is for heartbeats, and up to two for what takes minutes."""
    ingest_waiting: int = 64
    """Most messages that wait until one of these is free; who comes then is told to come again."""
    query_pool: int = 8
    """Most connections to the database for questions."""
    ingest_timeout: float = 60.0
    """After so long the database gives up a statement of ingest; the agent sends the message again."""
    query_timeout: float = 30.0
    """After so long the database gives up a statement of a question."""
    heartbeat: float = HEARTBEAT_EVERY
    """What agents are asked to leave between two heartbeats."""
    patience: float = 30.0
    """How long to wait at the start for a database that is starting, or being migrated."""
    relist: float = 30.0
    """What agents are asked to leave between two full looks at the least."""
    flush: float = 1.0
    """Heartbeats of so long, at the most, are written by one statement."""

    @property
    def silent_after(self) -> float:
        """Seconds without a message after which a node is silent."""
        return MISSED_HEARTBEATS * self.heartbeat

    def check(self) -> None:
        """Check every field.

        Raises:
            ConfigError: with every problem there is.
        """
        problems = [*_database(self.database_url), *_numbers(self), *_secrets(self)]
        if not 0 < len(self.cluster) <= 256 or not self.cluster.isprintable():
            problems.append("MOUNTBOOK_CLUSTER is empty, too long or not printable; write the cluster's name")
        if not self.host:
            problems.append("MOUNTBOOK_HOST is empty; write an address, such as 127.0.0.1 or 0.0.0.0")
        if problems:
            raise ConfigError(tuple(problems))


def from_environment(environment: Mapping[str, str]) -> Config:
    """Read the configuration from variables of the environment (``ENVIRONMENT`` names them), and check it.

    Raises:
        ConfigError: with every problem there is.
    """
    problems: list[str] = []

    def whole(name: str, default: int) -> int:
        text = environment.get(name, "").strip()
        if text and not (text.isascii() and text.isdigit() and len(text) <= 9):
            problems.append(f"{name} is {text[:80]!r}; write a whole number")
            return default
        return int(text or default)

    def seconds(name: str, default: float) -> float:
        text = environment.get(name, "").strip()
        try:
            return float(text or default)
        except ValueError:
            problems.append(f"{name} is {text[:80]!r}; write a number of seconds")
            return default

    config = Config(
        database_url=_database_url(environment, problems),
        join_secret=_content(environment, "MOUNTBOOK_JOIN_SECRET_FILE", problems),
        admin_token=_content(environment, "MOUNTBOOK_ADMIN_TOKEN_FILE", problems),
        signing_key=_content(environment, "MOUNTBOOK_SIGNING_KEY_FILE", problems),
        checkpoints=environment.get("MOUNTBOOK_CHECKPOINTS", "").strip(),
        retention=whole("MOUNTBOOK_RETENTION", DEFAULT_RETENTION),
        cluster=environment.get("MOUNTBOOK_CLUSTER", DEFAULT_CLUSTER).strip(),
        host=environment.get("MOUNTBOOK_HOST", DEFAULT_HOST).strip(),
        port=whole("MOUNTBOOK_PORT", DEFAULT_PORT),
        ingest_pool=whole("MOUNTBOOK_INGEST_POOL", 8),
        ingest_waiting=whole("MOUNTBOOK_INGEST_WAITING", 64),
        query_pool=whole("MOUNTBOOK_QUERY_POOL", 8),
        ingest_timeout=seconds("MOUNTBOOK_INGEST_TIMEOUT", 60.0),
        query_timeout=seconds("MOUNTBOOK_QUERY_TIMEOUT", 30.0),
        heartbeat=seconds("MOUNTBOOK_HEARTBEAT", HEARTBEAT_EVERY),
        patience=seconds("MOUNTBOOK_PATIENCE", 30.0),
        relist=seconds("MOUNTBOOK_RELIST", 30.0),
    )
    try:
        config.check()
    except ConfigError as exc:
        problems.extend(exc.problems)
    if problems:
        raise ConfigError(tuple(dict.fromkeys(problems)))
    return config


def _database_url(environment: Mapping[str, str], problems: list[str]) -> str:
    url = environment.get("MOUNTBOOK_DATABASE", "").strip()
    if environment.get("MOUNTBOOK_DATABASE_FILE"):
        if url:
            problems.append("MOUNTBOOK_DATABASE and MOUNTBOOK_DATABASE_FILE are both set; set one")
        url = _content(environment, "MOUNTBOOK_DATABASE_FILE", problems) or "postgresql://"
    password = _content(environment, "MOUNTBOOK_DATABASE_PASSWORD_FILE", problems)
    return with_password(url, password)


def with_password(url: str, password: str) -> str:
    """Return a database's address with this password, unless it has one already or names no user.

    >>> with_password("postgresql://ada@db/register", "a/b")
    'postgresql://ada:a%2Fb@db/register'
    """
    scheme, separator, rest = url.partition("://")
    user, at, place = rest.partition("@")
    if not password or not separator or not at or ":" in user or "/" in user:
        return url
    return f"{scheme}://{user}:{quote(password, safe='')}@{place}"


def _content(environment: Mapping[str, str], name: str, problems: list[str]) -> str:
    """Return what the file that the variable names holds; "" when it names none, or cannot be read."""
    path = environment.get(name, "")
    if not path:
        return ""
    try:
        content = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is not text"
        problems.append(f"{name}: {path} cannot be read: {why}")
        return ""
    if not content:
        problems.append(f"{name}: {path} is empty")
    return content


def _secrets(config: Config) -> list[str]:
    named = {"MOUNTBOOK_JOIN_SECRET_FILE": config.join_secret, "MOUNTBOOK_ADMIN_TOKEN_FILE": config.admin_token}
    problems = []
    for name, secret in named.items():
        if secret and not (LEAST_SECRET <= len(secret) <= 256 and secret.isascii() and secret.isprintable()):
            problems.append(f"{name}: write {LEAST_SECRET} to 256 printable characters, such as `openssl rand -hex 32`")
        elif secret and secret == config.admin_token and not is_token(secret):
            problems.append(f"{name}: write one word, without blanks: `mountbook` sends no other token")
    if config.join_secret and config.join_secret == config.admin_token:
        problems.append("the join secret and the admin token are the same; every node would be an administrator")
    return problems


def _database(url: str) -> list[str]:
    # The address may hold a password: it is not repeated.
    example = "postgresql://USER:PASSWORD@HOST/NAME"
    if not url:
        return [f"no database is named; set MOUNTBOOK_DATABASE to {example}"]
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as exc:
        return [f"MOUNTBOOK_DATABASE is no address of a database ({exc}); write {example}"]
    if parts.scheme not in {"postgresql", "postgres"}:
        return [f"MOUNTBOOK_DATABASE begins with {parts.scheme[:20] or 'no scheme'!r}; write {example}"]
    return []


def _numbers(config: Config) -> list[str]:
    limits: dict[str, tuple[float, float, float]] = {
        "MOUNTBOOK_PORT": (config.port, 0, 65_535),
        "MOUNTBOOK_INGEST_POOL": (config.ingest_pool, 1, 1_000),
        "MOUNTBOOK_INGEST_WAITING": (config.ingest_waiting, 0, 10_000),
        "MOUNTBOOK_QUERY_POOL": (config.query_pool, 1, 1_000),
        "MOUNTBOOK_INGEST_TIMEOUT": (config.ingest_timeout, 1, 3_600),
        "MOUNTBOOK_QUERY_TIMEOUT": (config.query_timeout, 1, 3_600),
        "MOUNTBOOK_HEARTBEAT": (config.heartbeat, 0.1, 3_600),
        "MOUNTBOOK_RELIST": (config.relist, 0.1, 86_400),
        "MOUNTBOOK_PATIENCE": (config.patience, 0, 3_600),
        "MOUNTBOOK_RETENTION": (config.retention, 1, 1_200),
        "flush": (config.flush, 0.001, 60),
    }
    return [
        f"{name} is {value:g}; it must be from {least:g} to {most:g}"
        for name, (value, least, most) in limits.items()
        if not least <= value <= most
    ]
