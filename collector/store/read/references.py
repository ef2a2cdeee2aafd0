"""Containers by what they are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from collector.store import asking, shapes
from collector.store.asking import Asking
from collector.store.keys import hash_token
from collector.store.read import rows
from collector.store.read.rows import Row
from collector.store.read.versions import Position, Versions, prefix
from protocol.entries import Kind

MAX_COUNT: Final = 1000
"""So many names that begin alike are counted; more are only called more."""

_COLUMN: Final[Mapping[str, str]] = {"id": "key", "mount-id": "mount_id", "name": "name"}
"""The column with each kind of name that a prefix may stand for."""
_BEARS: Final = "kind = 'container' AND ref_keys && CAST(:tokens AS bigint[])"


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are; ``bounded``: at least so many."""

    number: int
    bounded: bool


async def by_tokens(
    conn: Asking, versions: Versions, tokens: Sequence[int], position: Position | None, limit: int
) -> list[Row]:
    """Return up to ``limit`` containers behind ``position`` that bear one of the tokens (hashes)."""
    continued = position.parameters if position is not None else {}
    found = await asking.rows(
        conn,
        rows.page(Kind.CONTAINER, versions, _BEARS, position, rare=True),
        {**continued, **versions.parameters, "tokens": list(tokens), "limit": limit},
    )
    return [_row(row) for row in found]


async def called(
    conn: Asking, versions: Versions, kinds: Sequence[str], text: str, tokens: Sequence[str], limit: int
) -> list[Row]:
    """Return the containers that ``text`` names now: whole, or else those one of whose names begins with it.

    Whole are those that bear one of the tokens, or have ``text`` as their name of one of ``kinds``; begin may the names
    of these kinds. Of each there are up to ``limit``, which ones nobody knows. What has a shape that nothing has is not
    looked up. ``versions`` is of no other moment. It is one statement with one plan, and all that is asked.
    """
    bounds = prefix(text)
    given: dict[str, Any] = {**bounds, **versions.parameters, "limit": limit}
    each = []
    for kind in kinds:
        given[name := f"{_COLUMN[kind]}_shapes"] = shapes.of_beginnings(kind, text)
        condition = f"{_begins(kind, bounds)} AND {shapes.any_may_be(f':{name}')}"
        each.append(f"(SELECT * FROM ({versions.where(condition)}) AS v ORDER BY {_COLUMN[kind]} LIMIT :limit)")
    whole = f":low IN ({', '.join(_COLUMN[kind] for kind in kinds)})"
    found = f"WITH {shapes.PRESENT}, named AS MATERIALIZED ({' UNION ALL '.join(each)}), "
    if tokens:
        given |= {"tokens": [hash_token(token) for token in tokens], "shapes": [shapes.of_token(t) for t in tokens]}
        bearing = versions.where(f"kind = 'container' AND ref_keys && {shapes.possible(':tokens', ':shapes')}")
        found += (
            f"borne AS MATERIALIZED (SELECT * FROM ({bearing}) AS v LIMIT :limit), "
            f"exact AS MATERIALIZED (SELECT * FROM borne UNION ALL SELECT * FROM named WHERE {whole})"
        )
    else:
        found += f"exact AS MATERIALIZED (SELECT * FROM named WHERE {whole})"
    found += " SELECT * FROM exact UNION ALL SELECT * FROM named WHERE NOT EXISTS (SELECT FROM exact)"
    (now,) = await asking.alone(conn, (rows.select(Kind.CONTAINER, found, few=True), given))
    return _distinct(now)


async def bearing(conn: Asking, versions: Versions, tokens: Sequence[int], limit: int) -> list[Row]:
    """Return up to ``limit`` containers that bear one of the tokens (hashes); which ones nobody knows.

    In an order, PostgreSQL would look for what it thinks common, and nobody bears, among all containers.
    """
    found = f"SELECT * FROM ({versions.where(_BEARS)}) AS v LIMIT :limit"
    given = {**versions.parameters, "tokens": list(tokens), "limit": limit}
    return _distinct(await asking.rows(conn, rows.select(Kind.CONTAINER, found, few=True), given))


async def borne(conn: Asking, versions: Versions, tokens: Sequence[int]) -> list[int]:
    """Return those of the tokens that some container bears, in their order."""
    source = versions.where("kind = 'container' AND ref_keys && ARRAY[given.token]", "node_id")
    found = await asking.rows(
        conn,
        "SELECT token FROM unnest(CAST(:tokens AS bigint[])) WITH ORDINALITY AS given (token, place) "
        f"WHERE EXISTS ({source}) ORDER BY place",
        {**versions.parameters, "tokens": list(tokens)},
    )
    return [token for (token,) in found]


async def count_by_tokens(conn: Asking, versions: Versions, tokens: Sequence[int]) -> dict[tuple[int, ...], int]:
    """Return how many containers bear each combination of the tokens."""
    source = versions.where(_BEARS, "node_id, entry_id, ref_keys")
    found = await asking.rows(
        conn,
        "SELECT borne, count(*) FROM (SELECT DISTINCT v.node_id, v.entry_id, "
        "ARRAY(SELECT t FROM unnest(CAST(:tokens AS bigint[])) WITH ORDINALITY AS given (t, place) "
        f"WHERE t = ANY(v.ref_keys) ORDER BY place) AS borne FROM ({source}) AS v) AS each GROUP BY borne",
        {**versions.parameters, "tokens": list(tokens)},
    )
    return {tuple(borne): count for borne, count in found}


async def by_prefix(conn: Asking, versions: Versions, kinds: Sequence[str], begin: str, limit: int) -> list[Row]:
    """Return containers, one of whose names of these kinds begins with ``begin``; up to ``limit`` for each kind."""
    bounds = prefix(begin)
    given = {**bounds, **versions.parameters, "limit": limit}
    each = (
        f"(SELECT * FROM ({versions.where(_begins(kind, bounds))}) AS v ORDER BY {_COLUMN[kind]} LIMIT :limit)"
        for kind in kinds
    )
    return _distinct(await asking.rows(conn, rows.select(Kind.CONTAINER, " UNION ALL ".join(each), few=True), given))


async def count_by_prefix(conn: Asking, versions: Versions, kinds: Sequence[str], begin: str) -> Count:
    """Return how many names of these kinds begin with ``begin``."""
    bounds = prefix(begin)
    each = (
        f"(SELECT count(*) FROM (SELECT DISTINCT {_COLUMN[kind]} FROM ({versions.where(_begins(kind, bounds))}) AS v "
        "LIMIT :limit) AS few)"
        for kind in kinds
    )
    (counts,) = await asking.rows(
        conn, f"SELECT {', '.join(each)}", {**bounds, **versions.parameters, "limit": MAX_COUNT}
    )
    return Count(sum(counts), bounded=MAX_COUNT in counts)


def _begins(kind: str, bounds: Mapping[str, str]) -> str:
    column = _COLUMN[kind]
    upper = f" AND {column} < :high" if "high" in bounds else ""
    return f"kind = 'container' AND {column} >= :low{upper}"


def _distinct(found: asking.Rows) -> list[Row]:
    return list({row.position: row for row in map(_row, found)}.values())


def _row(found: tuple[Any, ...]) -> Row:
    node_id, entry_id, ended, row = found
    return Row(Position(node_id, entry_id, ended), row.encode())
