"""The agent's configuration: one frozen object, checked whole, every problem reported at once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from agent.errors import ConfigError
from protocol.roster import ROSTER_EVERY

DEFAULT_DOCKER_HOST: Final = "unix:///var/run/docker.sock"
DEFAULT_DATA_ROOT: Final = "/var/lib/docker"

ENVIRONMENT: Final[dict[str, str]] = {
    "MOUNTBOOK_URL": "collectors: one or more http(s) addresses, separated by commas; each is tried in turn",
    "MOUNTBOOK_TOKEN": "token: this node's token",
    "MOUNTBOOK_TOKEN_FILE": "token_file: a file with the token, mode 0600; read again before every request",
    "MOUNTBOOK_JOIN_SECRET_FILE": "join_secret_file: a file with the join secret, in place of a token; "
    "needs MOUNTBOOK_STATE_DIR",
    "MOUNTBOOK_CLUSTER": "cluster: what to enrol the node's cluster as; default: the Swarm's ID, or the collector's",
    "MOUNTBOOK_NODE": "node: what to enrol the node as; default: its Swarm node ID, else engine:ID",
    "MOUNTBOOK_CA_FILE": "ca_file: certificates (PEM) that the collector's own must lead to; default: the system's",
    "MOUNTBOOK_STATE_DIR": "state_dir: a small writable directory; default: nothing is kept over a restart",
    "DOCKER_HOST": f"docker_host: the engine's address; default {DEFAULT_DOCKER_HOST}; set but empty: files only",
    "MOUNTBOOK_HOST_ROOT": "host_root: where the host's / is mounted; default: the agent's own /",
    "MOUNTBOOK_DATA_ROOT": f"data_root: the engine's data root as the host names it; default: what the engine says, "
    f"else {DEFAULT_DATA_ROOT}, or a snap's where only that is",
    "MOUNTBOOK_CONTAINERD_ROOT": "containerd_root: containerd's root as the host names it, where that is neither below "
    "nor beside the data root nor /var/lib/containerd",
    "MOUNTBOOK_RELIST": "relist: least seconds between two full looks; default 30",
    "MOUNTBOOK_MEASURE_SHARE": "measure_share: share of one core that measuring sizes may take, 0 for never; "
    "default 0.02",
    "MOUNTBOOK_START_SPREAD": "start_spread: the first message leaves within so many seconds; default 15",
    "MOUNTBOOK_ENGINE_TIMEOUT": "engine_timeout: most seconds that the engine may take over one answer; default 60",
    "MOUNTBOOK_COLLECTOR_TIMEOUT": "collector_timeout: most seconds that a collector may take over one answer; "
    "default 30",
}
"""Every variable of the environment that the agent reads, and the field it sets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything the agent can be told. Paths are absolute; lengths of time are in seconds."""

    collectors: tuple[str, ...]
    """Base addresses of collectors, such as ``https://mountbook:8480``. Any replica serves any agent."""
    token: str = field(default="", repr=False)
    """This node's token: the only thing that says which node it is."""
    token_file: str = ""
    """Where the token stands when ``token`` is empty. Read anew before every request, so it can be replaced."""
    join_secret_file: str = ""
    """Where the join secret stands: an agent without a token makes one and enrols with it."""
    cluster: str = ""
    """The cluster to enrol in; empty: the Swarm's ID where a manager knows it, else the collector's default."""
    node: str = ""
    """The node to enrol as (a stack's ``{{.Node.ID}}``); empty: what the engine says."""
    ca_file: str = ""
    """Certificates (PEM) to verify the collector with; empty: the system's."""
    state_dir: str = ""
    """Writable directory for the acknowledged position and the health file; empty: neither is kept."""
    docker_host: str = DEFAULT_DOCKER_HOST
    """The engine's address (``unix://`` or ``tcp://``); empty: only the data root is read (least privilege)."""
    host_root: str = ""
    """Where the agent sees the host's root directory; what it reads is this + the host's path."""
    data_root: str = ""
    """The data root as the host names it, in place of what the engine says."""
    containerd_root: str = ""
    """containerd's root as the host names it; empty: below the data root, beside it, or the usual one."""
    relist: float = 30.0
    """Least time between two full looks."""
    measure_share: float = 0.02
    """Share of one core that measuring sizes may take, 0 to 1; 0: nothing is measured."""
    usage: float = 60.0
    """Time between two messages about sizes."""
    roster: float = ROSTER_EVERY
    """Most time between two looks of a manager's agent at the roster; where heartbeats come faster, so does it."""
    poll: float = 1.0
    """Least time between two looks at the directories' times, with no engine."""
    start_spread: float = 15.0
    """The first message leaves at a random moment within this time: a cluster does not start all at once."""
    engine_timeout: float = 60.0
    """How long the engine may take over one answer."""
    collector_timeout: float = 30.0
    """How long a collector may take over one answer."""

    def check(self) -> None:
        """Check every field.

        Raises:
            ConfigError: with every problem there is.
        """
        problems = [*_addresses(self), *_paths(self), *_lengths(self), *_share(self)]
        if problems:
            raise ConfigError(tuple(problems))


def from_environment(environment: Mapping[str, str]) -> Config:
    """Read the configuration from variables of the environment (``ENVIRONMENT`` names them), and check it.

    Raises:
        ConfigError: with every problem there is.
    """
    problems: list[str] = []
    relist = _number(environment, "MOUNTBOOK_RELIST", 30.0, problems)
    share = _number(environment, "MOUNTBOOK_MEASURE_SHARE", 0.02, problems, "a share of one core, such as 0.02")
    spread = _number(environment, "MOUNTBOOK_START_SPREAD", 15.0, problems)
    engine_timeout = _number(environment, "MOUNTBOOK_ENGINE_TIMEOUT", 60.0, problems)
    collector_timeout = _number(environment, "MOUNTBOOK_COLLECTOR_TIMEOUT", 30.0, problems)
    config = Config(
        collectors=tuple(filter(None, map(str.strip, environment.get("MOUNTBOOK_URL", "").split(",")))),
        token=environment.get("MOUNTBOOK_TOKEN", "").strip(),
        token_file=environment.get("MOUNTBOOK_TOKEN_FILE", ""),
        join_secret_file=environment.get("MOUNTBOOK_JOIN_SECRET_FILE", ""),
        cluster=environment.get("MOUNTBOOK_CLUSTER", "").strip(),
        node=environment.get("MOUNTBOOK_NODE", "").strip(),
        ca_file=environment.get("MOUNTBOOK_CA_FILE", ""),
        state_dir=environment.get("MOUNTBOOK_STATE_DIR", ""),
        docker_host=environment.get("DOCKER_HOST", DEFAULT_DOCKER_HOST),
        host_root=environment.get("MOUNTBOOK_HOST_ROOT", "").rstrip("/"),
        data_root=environment.get("MOUNTBOOK_DATA_ROOT", "").rstrip("/"),
        containerd_root=environment.get("MOUNTBOOK_CONTAINERD_ROOT", "").rstrip("/"),
        relist=relist,
        measure_share=share,
        start_spread=spread,
        engine_timeout=engine_timeout,
        collector_timeout=collector_timeout,
    )
    try:
        config.check()
    except ConfigError as exc:
        problems.extend(exc.problems)
    if problems:
        raise ConfigError(tuple(problems))
    return config


def _number(
    environment: Mapping[str, str], name: str, default: float, problems: list[str], what: str = "a number of seconds"
) -> float:
    text = environment.get(name, "")
    try:
        return float(text) if text else default
    except ValueError:
        problems.append(f"{name} is {text!r}; write {what}")
        return default


def _addresses(config: Config) -> list[str]:
    problems = []
    if not config.collectors:
        problems.append("no collector is named; set MOUNTBOOK_URL to its address, such as http://127.0.0.1:8480")
    problems += [
        f"the collector's address {url!r} is not one; write http://HOST:PORT or https://HOST:PORT"
        for url in config.collectors
        if not _is_address(url)
    ]
    if config.docker_host and not config.docker_host.startswith(("unix:///", "tcp://")):
        problems.append(
            f"the engine's address {config.docker_host!r} cannot be used; set DOCKER_HOST to unix:///PATH or "
            "tcp://HOST:PORT, or to nothing to read files only"
        )
    if not config.token and not config.token_file and not config.join_secret_file:
        problems.append("there is no token; set MOUNTBOOK_TOKEN_FILE to a file with it, or MOUNTBOOK_TOKEN")
    if config.join_secret_file and (config.token or config.token_file):
        problems.append("a token and MOUNTBOOK_JOIN_SECRET_FILE are both set; set one")
    if config.join_secret_file and not config.state_dir:
        problems.append("MOUNTBOOK_JOIN_SECRET_FILE needs MOUNTBOOK_STATE_DIR, a small volume: the token is kept there")
    problems += [
        f"{name} is {value[:80]!r}; write at most 256 printable characters"
        for name, value in (("MOUNTBOOK_CLUSTER", config.cluster), ("MOUNTBOOK_NODE", config.node))
        if len(value) > 256 or not value.isprintable()
    ]
    if not (config.token.isascii() and config.token.isprintable()):
        problems.append("the token has characters that no token has; copy it again into MOUNTBOOK_TOKEN")
    return problems


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and not parts.query
    except ValueError:  # a port that is no number, or half an IPv6 address
        return False


def _paths(config: Config) -> list[str]:
    named = {
        "MOUNTBOOK_TOKEN_FILE": config.token_file,
        "MOUNTBOOK_JOIN_SECRET_FILE": config.join_secret_file,
        "MOUNTBOOK_CA_FILE": config.ca_file,
        "MOUNTBOOK_STATE_DIR": config.state_dir,
        "MOUNTBOOK_HOST_ROOT": config.host_root,
        "MOUNTBOOK_DATA_ROOT": config.data_root,
        "MOUNTBOOK_CONTAINERD_ROOT": config.containerd_root,
    }
    problems = [
        f"{name} is {path!r}; write an absolute path"
        for name, path in named.items()
        if path and not os.path.isabs(path)
    ]
    if config.ca_file and not os.access(config.ca_file, os.R_OK):
        problems.append(f"MOUNTBOOK_CA_FILE: {config.ca_file} cannot be read")
    if config.host_root and not os.path.isdir(config.host_root):
        problems.append(f"MOUNTBOOK_HOST_ROOT: {config.host_root} is no directory; mount the host's / there")
    if config.state_dir and not os.access(config.state_dir, os.W_OK | os.X_OK):
        problems.append(f"MOUNTBOOK_STATE_DIR: {config.state_dir} is no directory that can be written to")
    return problems


def _lengths(config: Config) -> list[str]:
    lengths = {
        "MOUNTBOOK_RELIST": (config.relist, 1.0),
        "MOUNTBOOK_START_SPREAD": (config.start_spread, 0.0),
        "usage": (config.usage, 0.05),
        "roster": (config.roster, 0.05),
        "poll": (config.poll, 0.05),
        "MOUNTBOOK_ENGINE_TIMEOUT": (config.engine_timeout, 0.1),
        "MOUNTBOOK_COLLECTOR_TIMEOUT": (config.collector_timeout, 0.1),
    }
    return [
        f"{name} is {value:g} s; it must be between {least:g} s and a day"
        for name, (value, least) in lengths.items()
        if not least <= value <= 86_400
    ]


def _share(config: Config) -> list[str]:
    if 0 <= config.measure_share <= 1:
        return []
    return [f"MOUNTBOOK_MEASURE_SHARE is {config.measure_share:g}; it must be between 0 (never) and 1 (a whole core)"]
