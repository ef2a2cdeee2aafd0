"""What every question shares: the moment, the node it is limited to, and the coverage of its answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from collector.errors import ProblemError
from collector.lookup import observed
from collector.lookup.cursors import Cursor
from collector.lookup.moments import Window, check_remembered, moment, window
from collector.lookup.present import Present
from collector.store.asking import Asking
from collector.store.read import coverage as facts
from collector.store.read import nodes
from collector.store.read.versions import Versions
from protocol import times
from protocol.answers import Coverage, NodeRef
from protocol.problems import ProblemType
from protocol.text import clean


@dataclass(frozen=True, slots=True)
class Scope:
    """One question's connection (one snapshot of the database), moment, node and coverage."""

    conn: Asking
    versions: Versions
    coverage: Coverage
    asked_at: str = ""
    node: NodeRef | None = None

    @property
    def at_text(self) -> str | None:
        """The moment asked about, as answers write it; ``None`` for now."""
        return times.to_text(self.versions.at) if self.versions.at is not None else None

    @property
    def question(self) -> list[str]:
        """What the pages of one question have in common."""
        return [self.asked_at, *((self.node.cluster, self.node.node) if self.node is not None else ())]

    def pinned(self, cursor: Cursor) -> "Scope":
        """Return the scope of a following page: the moment is that of the first."""
        return replace(self, versions=replace(self.versions, at=cursor.at))


async def scoped(
    conn: Asking, silent_after: float, *, node: str = "", at: str = "", known: Present | None = None
) -> Scope:
    """Return the scope of a question; ``known`` is who was observed a moment ago, for questions about now.

    Raises:
        ProblemError: ``bad-request`` (``at`` is no time, yet to come, or before the first record), ``not-found`` (no
            such node) or ``ambiguous`` (several nodes are called so).
    """
    if clean(node) != node:
        raise ProblemError(
            ProblemType.BAD_REQUEST, "the node's name holds a NUL or half a surrogate pair", field="node"
        )
    then = None
    if at:
        covered, versions, then = await _then(conn, silent_after, at)
    else:
        present = await (nodes.coverage(conn, silent_after) if known is None else known.coverage(conn))
        covered, versions = present.coverage, Versions(former=present.former)
    if not node:
        return Scope(conn, versions, covered, at)
    known_nodes = await nodes.named(conn, silent_after, node)
    named = _node(node, known_nodes, _present(known_nodes, then, versions.at), covered)
    return Scope(conn, versions.within({named.node_id}), covered, at, named.node)


async def _then(conn: Asking, silent_after: float, at: str) -> tuple[Coverage, Versions, facts.Known]:
    """Return the coverage of a moment, the versions of it, and what both were made of."""
    now, first = await nodes.now_and_first(conn)
    when = moment(at, now) or now
    check_remembered(when, first)
    known = await facts.known_at(conn, silent_after, when)
    versions = Versions(when, ahead=_ahead(known), stale=_stale(known, when), former=known.former)
    return observed.at(known, when), versions, known


async def window_scope(
    conn: Asking, silent_after: float, *, node: str = "", since: str = "", until: str = ""
) -> tuple[Scope, Window]:
    """Return the scope of a question about a window, and the window.

    Raises:
        ProblemError: as ``scoped``, and ``moments.window``.
    """
    scope = await scoped(conn, silent_after, node=node)
    now = times.parse_time(scope.coverage.as_of, datetime.now(UTC))
    return scope, window(since, until, now, await nodes.first_record(conn))


def _stale(known: facts.Known, when: datetime) -> frozenset[int]:
    """Return the nodes of which it is not known yet what they had at the moment."""
    return known.unlisted | frozenset(
        node.node_id
        for node in known.nodes
        if node.node_id is not None and (node.listed_at is None or node.listed_at < when)
    )


def _ahead(known: facts.Known) -> timedelta:
    """Return by how much the clock of any node is ahead of PostgreSQL's, as far as their heartbeats tell."""
    most = max(0.0, known.ahead, *(node.skew for node in known.nodes if node.skew is not None))
    return timedelta(seconds=min(most, 366 * 86_400.0))


def unobserved(coverage: Coverage) -> str:
    """Return the first few nodes that are not observed, for a sentence."""
    if not coverage.silent:
        return "none reports yet"
    names = [node.hostname or node.node for node in coverage.silent]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _present(
    known: Sequence[nodes.KnownNode], then: facts.Known | None, when: datetime | None
) -> list[nodes.KnownNode]:
    """Return those of the nodes that belong to their cluster: now, or at the moment that is asked about."""
    if then is None or when is None:
        return [one for one in known if one.state not in ("superseded", "left")]
    absent = {(one.cluster, one.node) for one in then.nodes if not observed.membership(one).holds(when)}
    return [one for one in known if (one.node.cluster, one.node.node) not in absent]


def _node(
    text: str, known: Sequence[nodes.KnownNode], present: Sequence[nodes.KnownNode], coverage: Coverage
) -> nodes.KnownNode:
    """Return the node that ``text`` names: its ID, else the hostname of one that is present, or of a former one.

    Else the ID of one begins so.
    """
    for matches in (
        [one for one in known if one.node.node == text],
        [one for one in present if one.node.hostname == text],
        [one for one in known if one.node.hostname == text],
        known,
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            names = [f"{one.node.node} ({one.node.hostname or 'no hostname'})" for one in matches[:20]]
            raise ProblemError(
                ProblemType.AMBIGUOUS,
                f"{len(matches)} nodes are called {text!r}: {', '.join(names)}; give the whole node ID",
                candidates=tuple(one.node.node for one in matches[:20]),
                field="node",
            )
    raise ProblemError(
        ProblemType.NOT_FOUND,
        f"no node is called {text!r}; `mountbook nodes` and GET /api/v1/nodes list them",
        coverage=coverage,
    )
