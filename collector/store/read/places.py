"""Entries by the directories that are theirs, and who uses them."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from collector.errors import ProblemError
from collector.store import asking, shapes
from collector.store.asking import Asking
from collector.store.keys import hash_path
from collector.store.read.found import Found, fetch, fetch_each, fetch_known
from collector.store.read.versions import FIELDS, Versions
from protocol.answers import NodeRef
from protocol.problems import ProblemType

MAX_FOUND: Final = 20_000
"""Most versions that one question may find."""


async def holding(conn: Asking, versions: Versions, paths: Sequence[int], names: Sequence[int]) -> list[Found]:
    """Return everything but binds that has a place with one of these hashes of paths, or a directory's name of these.

    Raises:
        ProblemError: ``bad-request``, they mean too much in too many places.
    """
    condition = "path_keys && CAST(:paths AS bigint[])"
    given = {**versions.parameters, "paths": list(paths)}
    if names:
        condition = f"({condition} OR ref_keys && CAST(:names AS bigint[]))"
        given["names"] = list(names)
    return await _bounded(conn, versions.where(f"kind <> 'bind' AND {condition}"), given)


async def around(conn: Asking, versions: Versions, paths: Sequence[str]) -> list[Found]:
    """Return what has one of these places now: a path and what lies above it, nearest first.

    Of binds these: all that are as near as the owner on any node, and those of nodes with an owner. No place is looked
    up where none lies so deep. ``versions`` is of no other moment. It is one statement with one plan.

    Raises:
        ProblemError: ``bad-request``, it means too much in too many places.
    """
    placed = f"kind <> 'bind' AND path_keys && {shapes.possible(':paths', ':places')}"
    own = versions.where(placed, f"{FIELDS}, path_keys")
    near = versions.where(f"kind = 'bind' AND path_keys && {shapes.possible(f'({_NEAR})', ':binds')}")
    # IS TRUE: by the node. Every agent may bind the same directory, and the index of paths would give them all.
    beside = versions.where("node_id = o.node_id AND kind = 'bind' AND (path_keys && CAST(:paths AS bigint[])) IS TRUE")
    fields = f"{FIELDS}, ended_after, ended_before, certain"
    found = (
        f"WITH {shapes.PRESENT}, own AS MATERIALIZED ({own} LIMIT :limit) SELECT {fields} FROM own "
        f"UNION ALL SELECT {fields} FROM ({near}) AS near UNION ALL SELECT b.* "
        f"FROM (SELECT DISTINCT node_id FROM own) AS o CROSS JOIN LATERAL ({beside} OFFSET 0) AS b"
    )
    given = {
        "paths": [hash_path(path) for path in paths],
        "places": [shapes.of_place(path) for path in paths],
        "binds": [shapes.of_place(path, bind=True) for path in paths],
    }
    each = await fetch_known(conn, found, {**versions.parameters, **given}, MAX_FOUND + 1)
    return list({one.identity: one for one in _few(each)}.values())


_NEAR: Final = (
    "SELECT (CAST(:paths AS bigint[]))[1:coalesce(max(nearest), cardinality(CAST(:paths AS bigint[])))] FROM ("
    "SELECT min(array_position(CAST(:paths AS bigint[]), k)) AS nearest FROM own, unnest(own.path_keys) AS p (k) "
    "WHERE k = ANY(CAST(:paths AS bigint[])) GROUP BY own.node_id) AS nodes"
)
"""The hashes down to that of the farthest owner: a bind that is farther away owns nothing on a node without owner."""


async def binds(conn: Asking, *wanted: tuple[Versions, Sequence[int]]) -> list[Found]:
    """Return the binds whose source has one of these hashes, of each of these versions.

    Raises:
        ProblemError: ``bad-request``, they mean too much in too many places.
    """
    condition = "kind = 'bind' AND path_keys && CAST(:paths AS bigint[])"
    each = await fetch_each(
        conn,
        *(
            (versions.where(condition), {**versions.parameters, "paths": list(paths)})
            for versions, paths in wanted
            if paths
        ),
        limit=MAX_FOUND + 1,
    )
    return [one for found in each for one in _few(found)]


async def containers(conn: Asking, versions: Versions, tokens: Sequence[int]) -> list[Found]:
    """Return the containers that bear one of the tokens (hashes): who mounts a volume, who stands on a layer."""
    condition = "kind = 'container' AND ref_keys && CAST(:tokens AS bigint[])"
    return await _bounded(conn, versions.where(condition), {**versions.parameters, "tokens": list(tokens)})


async def bearing(conn: Asking, versions: Versions, kind: str, tokens: Sequence[int]) -> list[Found]:
    """Return the entries of a kind that bear one of the tokens (hashes)."""
    condition = "kind = :kind AND ref_keys && CAST(:tokens AS bigint[])"
    given = {**versions.parameters, "tokens": list(tokens), "kind": kind}
    return await _bounded(conn, versions.where(condition), given)


async def images(conn: Asking, versions: Versions) -> list[Found]:
    """Return the images of the nodes that ``versions`` names."""
    return await _bounded(conn, versions.where("kind = 'image'"), versions.parameters)


async def layer_parents(conn: Asking, versions: Versions) -> dict[tuple[int, str], dict[str, str]]:
    """Return, per node and data root, the parent of every layer that has one."""
    source = versions.where("kind = 'layer' AND doc ? 'parent'")
    found = await asking.rows(
        conn, f"SELECT v.node_id, v.root, v.key, v.doc ->> 'parent' FROM ({source}) AS v", versions.parameters
    )
    parents: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)
    for node_id, root, key, parent in found:
        if parent:
            parents[node_id, root][key] = parent
    return parents


async def roots(conn: Asking, node_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the data roots of each of these nodes, as their agents name them."""
    if not node_ids:
        return {}
    found = await asking.rows(
        conn,
        "SELECT n.id, r.root FROM nodes AS n, LATERAL (SELECT n.engine ->> 'data_root' AS root UNION "
        "SELECT b ->> 'root' FROM jsonb_array_elements(n.backends) AS b) AS r "
        "WHERE n.id = ANY(:node_ids) AND r.root <> ''",
        {"node_ids": list(node_ids)},
    )
    known: dict[int, list[str]] = defaultdict(list)
    for node_id, root in found:
        known[node_id].append(root)
    return known


class BackendDirectory(NamedTuple):
    """A directory of a storage backend itself, on one node."""

    path: str
    node: NodeRef
    root: str
    backend: str


async def backend_directories(
    conn: Asking, node_ids: Collection[int] | None, paths: Sequence[str], limit: int
) -> list[BackendDirectory]:
    """Return which of these paths are storage backends' own directories, and where; ``None`` asks about all nodes."""
    only = "" if node_ids is None else " AND n.id = ANY(:node_ids)"
    found = await asking.rows(
        conn,
        "SELECT d.path, n.cluster, n.node, n.hostname, b ->> 'root', b ->> 'name' "
        "FROM nodes AS n, LATERAL jsonb_array_elements(n.backends) AS b, "
        "LATERAL jsonb_array_elements_text(coalesce(b -> 'directories', '[]')) AS d(path) "
        f"WHERE d.path = ANY(:paths){only} ORDER BY n.hostname, n.id LIMIT :limit",
        {"paths": list(paths), "limit": limit, **({} if node_ids is None else {"node_ids": sorted(node_ids)})},
    )
    return [
        BackendDirectory(path, NodeRef(cluster=cluster, node=node, hostname=hostname), root, name)
        for path, cluster, node, hostname, root, name in found
    ]


async def _bounded(conn: Asking, versions: str, given: dict[str, object]) -> list[Found]:
    return _few(await fetch(conn, versions, given, MAX_FOUND + 1))


def _few(found: list[Found]) -> list[Found]:
    if len(found) > MAX_FOUND:
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            f"more than {MAX_FOUND} entries have to do with this on all nodes; ask about one node, or fewer paths",
            field="node",
        )
    return found
