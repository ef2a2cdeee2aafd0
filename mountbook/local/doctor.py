"""What an agent on this machine can see, and what keeps it from seeing more: one check after another.

A check says what it found, and what to do about it when that is a problem. Nothing is changed.
"""

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, Literal

import msgspec

from agent import elsewhere, remapping
from agent.backends import mountinfo
from agent.backends.discover import real_path
from agent.config import DEFAULT_DATA_ROOT, Config
from agent.engine import Engine
from agent.errors import EngineError
from agent.facts import EngineFacts
from agent.lookout import Lookout
from mountbook.local import engines
from mountbook.local.engines import Reach
from protocol.byhand import run_agent
from protocol.entries import Container, LayerUse, ResolvedBy
from protocol.entries import Layer as LayerEntry

Status = Literal["ok", "problem", "unknown"]

_READ_SEARCH: Final = 1 << 2
"""CAP_DAC_READ_SEARCH (capability.h): read and enter directories of any owner."""
_MAX_PROBLEMS: Final = 10


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at; ``advice`` is what to do when ``status`` is ``problem``."""

    name: str
    status: Status
    found: str
    advice: str = ""


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """All checks; ``well`` when none is a problem."""

    well: bool
    checks: list[Check]


def examine(
    docker_host: str, host_root: str, data_root: str, containerd_root: str, collector: Callable[[], str]
) -> Examined:
    """Run every check.

    ``docker_host`` is the engine's address (``""``: the usual one), ``host_root`` where the host's / is mounted,
    ``data_root`` the data root as the host names it (``""``: what the engine says), ``containerd_root`` containerd's
    (``""``: at a usual place). ``collector`` asks the collector and returns what it said; it raises ``UserError`` when
    it cannot.
    """
    checks = list(_checks(docker_host, host_root, data_root, containerd_root))
    checks.append(_collector(collector))
    return Examined(well=all(check.status != "problem" for check in checks), checks=checks)


def _checks(docker_host: str, host_root: str, data_root: str, containerd_root: str) -> Iterator[Check]:
    yield user(os.geteuid(), _read("/proc/self/status"))
    yield namespace(_read("/proc/self/uid_map"))
    found = engines.look(docker_host)
    facts: EngineFacts | None = None
    process = 0
    if found.reach is Reach.READY:
        try:
            with contextlib.closing(Engine(found.address)) as engine:
                facts, process = engine.info(), engine.process
        except EngineError as exc:
            yield Check(name="engine", status="problem", found=str(exc), advice="look into the engine's log")
    else:
        yield _no_engine(found)
    root = data_root or (facts.engine.data_root if facts is not None else "") or elsewhere.usual_data_root(host_root)
    through = "" if host_root else elsewhere.through(process, root)
    seen_from = host_root or through
    if facts is not None:
        yield _engine(facts)
        yield mapping(facts)
    local = f"{seen_from}{real_path(root, seen_from)}"
    yield readable(root, local)
    if mountinfo.is_through_a_process(seen_from):
        yield Check(name="mounts", status="ok", found=f"mounts are those of a process of the engine's, {seen_from}")
    else:
        yield propagation(_read("/proc/self/mountinfo"), local, of_host=_is_hosts_namespace())
    yield selinux(_read("/sys/fs/selinux/enforce"))
    yield others(root, elsewhere.data_roots(host_root), host_root)
    config = Config(
        collectors=(),
        docker_host=found.address if facts is not None else "",
        host_root=host_root,
        data_root=data_root or root,
        containerd_root=containerd_root,
    )
    yield from _sight(config)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def user(uid: int, status: str) -> Check:
    """Check that files of every owner can be read; ``status`` is the text of proc_pid_status(5)."""
    effective = next((int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:")), 0)
    if effective & _READ_SEARCH:
        return Check(name="user", status="ok", found=f"uid {uid}, with CAP_DAC_READ_SEARCH")
    return Check(
        name="user",
        status="problem",
        found=f"uid {uid}, without CAP_DAC_READ_SEARCH: directories of other users cannot be read",
        advice="run as root, or give the container the capability DAC_READ_SEARCH (cap_add)",
    )


def namespace(uid_map: str) -> Check:
    """Check that user IDs are the host's; ``uid_map`` is as in user_namespaces(7)."""
    if not uid_map:
        return Check(name="user namespace", status="unknown", found="/proc/self/uid_map cannot be read")
    if not remapping.in_user_namespace(uid_map):
        return Check(name="user namespace", status="ok", found="user IDs are the host's")
    line = run_agent(url="http://COLLECTOR:8480", node="NODE-ID", cluster="CLUSTER", data_root=DEFAULT_DATA_ROOT)
    return Check(
        name="user namespace",
        status="problem",
        found="this is a user namespace: what belongs to users outside it cannot be read",
        advice=f"run the agent outside it, on the host or with (services cannot) `{line}`",
    )


def _no_engine(found: engines.Found) -> Check:
    advice = (
        "without its socket the agent reads the data root only: names and states are as of the engine's last change"
    )
    return Check(name="engine", status="problem", found=engines.sentence(found), advice=advice)


def _engine(facts: EngineFacts) -> Check:
    engine = facts.engine
    kind = "snapshotter" if facts.snapshotter else "graph driver"
    found = f"Docker {engine.version}, {kind} {engine.driver}, data root {engine.data_root}"
    return Check(name="engine", status="ok", found=found)


def mapping(facts: EngineFacts) -> Check:
    """Check how the engine maps user IDs."""
    if facts.rootless:
        return Check(
            name="mapping",
            status="ok",
            found="the engine is rootless: its mounts are in a namespace of their own, and seen through its process",
        )
    if facts.userns_remap:
        found = "the engine remaps users (userns-remap): its files are below <data root>/<uid>.<gid>"
        return Check(name="mapping", status="ok", found=found)
    return Check(name="mapping", status="ok", found="containers have the host's user IDs")


def readable(root: str, local: str) -> Check:
    """Check that the data root, which the host calls ``root``, can be read at ``local``."""
    where = root if local == root else f"{root} (here {local})"
    try:
        names = os.listdir(local)
    except FileNotFoundError:
        return Check(
            name="data root",
            status="problem",
            found=f"{where} is not there",
            advice="set MOUNTBOOK_DATA_ROOT to the data root, and in a container MOUNTBOOK_HOST_ROOT to the host's /",
        )
    except OSError as exc:
        return Check(
            name="data root",
            status="problem",
            found=f"{where} cannot be read ({exc.strerror})",
            advice="run as root, or with the capability DAC_READ_SEARCH; only what `docker inspect` says is known so",
        )
    if not names:
        return Check(
            name="data root",
            status="problem",
            found=f"{where} is empty",
            advice="mount it here, or name another with MOUNTBOOK_DATA_ROOT",
        )
    return Check(name="data root", status="ok", found=f"{where} can be read")


def others(root: str, known: list[str], host_root: str) -> Check:
    """Name the data roots on this machine beside the one that is looked at: an agent sees one."""
    here = real_path(root, host_root)
    left = [one for one in known if real_path(one, host_root) != here]
    if not left:
        return Check(name="other data roots", status="ok", found="none at the usual places")
    found = f"{', '.join(left)}: engines of their own, each for an agent of its own (DOCKER_HOST, MOUNTBOOK_DATA_ROOT)"
    return Check(name="other data roots", status="ok", found=found)


def _is_hosts_namespace() -> bool:
    """Whether this process sees the mounts of the first process: it runs on the host, not in a container."""
    try:
        return os.readlink("/proc/self/ns/mnt") == os.readlink("/proc/1/ns/mnt") and not os.path.exists("/.dockerenv")
    except OSError:
        return False


def propagation(mountinfo: str, path: str, *, of_host: bool) -> Check:
    """Check that mounts made later appear here; ``mountinfo`` is as in proc_pid_mountinfo(5)."""
    name = "mounts"
    if of_host:
        return Check(name=name, status="ok", found="this process sees the host's own mounts")
    best: tuple[int, list[str]] | None = None
    for line in mountinfo.splitlines():
        fields = line.split()
        if len(fields) < 7:
            continue
        point = fields[4].rstrip("/")
        if (path == point or path.startswith(f"{point}/")) and (best is None or len(point) >= best[0]):
            best = (len(point), fields[6 : fields.index("-")] if "-" in fields else [])
    if best is None:
        return Check(name=name, status="unknown", found="the mount table cannot be read")
    if any(option.startswith(("master:", "shared:")) for option in best[1]):
        return Check(name=name, status="ok", found=f"mounts made later below {path} appear here")
    return Check(
        name=name,
        status="problem",
        found=f"what is mounted later below {path} does not appear here: running containers of the containerd image "
        "store are found from its records only",
        advice="bind the host's directory with propagation rslave (`-v /var/lib:/var/lib:ro,rslave`)",
    )


def selinux(enforce: str) -> Check:
    """Check whether SELinux may refuse what permissions allow; ``enforce`` is the kernel's file of that name."""
    if enforce.strip() != "1":
        return Check(name="SELinux", status="ok", found="not enforcing")
    try:
        with open("/proc/self/attr/current", encoding="ascii", errors="replace") as file:
            label = file.read().strip("\0\n")
    except OSError:
        label = ""
    if ":container_t:" not in label:
        return Check(name="SELinux", status="ok", found=f"enforcing; this process is {label or 'unlabelled'}")
    return Check(
        name="SELinux",
        status="problem",
        found="enforcing, and this process is confined to container_t: it may not read other containers' files",
        advice="run the agent's container with `--security-opt label=disable`",
    )


def _sight(config: Config) -> Iterator[Check]:
    """Look as an agent does, and say what was seen."""
    try:
        with Lookout(config) as lookout:
            if config.docker_host:
                lookout.subscribe().close()
            seen = lookout.look(None, 1)
    except EngineError as exc:
        yield Check(name="sight", status="problem", found=str(exc), advice="look into the engine's log")
        return
    containers = [entry for entry in seen.entries.values() if isinstance(entry, Container)]
    ways = Counter(one.resolved_by for one in containers)
    lost = ways.pop(ResolvedBy.UNRESOLVED, 0)
    orphans = sum(isinstance(one, LayerEntry) and one.use is LayerUse.ORPHAN for one in seen.entries.values())
    how = ", ".join(f"{number} by {way.value}" for way, number in ways.most_common())
    yield Check(
        name="backends",
        status="ok" if seen.backends or not containers else "problem",
        found=", ".join(f"{one.name} ({one.type}{'' if one.current else ', not in use'})" for one in seen.backends)
        or "none has left its records",
        advice="" if seen.backends or not containers else "name the engine's own data root with MOUNTBOOK_DATA_ROOT",
    )
    yield Check(
        name="containers",
        status="problem" if lost else "ok",
        found=f"{len(containers)}{f' ({how})' if how else ''}, {lost} unresolved; {orphans} orphans",
        advice=_first_reason(containers) if lost else "",
    )
    for problem in seen.problems[:_MAX_PROBLEMS]:
        yield Check(name="reading", status="problem", found=problem)


def _first_reason(containers: list[Container]) -> str:
    return next((f"{one.name or one.key[:12]}: {one.reason}" for one in containers if one.reason), "")


def _collector(ask: Callable[[], str]) -> Check:
    from mountbook.errors import UserError

    try:
        return Check(name="collector", status="ok", found=ask())
    except UserError as exc:
        found, _, advice = str(exc).partition("\n")
        return Check(name="collector", status="problem", found=found, advice=advice.rstrip("."))
