"""Heartbeats: many nodes' in one statement, and the row that every other message leaves for the next one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from collector.store.writer import Call, Statement, Writer, json


class Beat(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One heartbeat. ``waited`` is the age of the message, ``listed_ago`` that of the list then; in seconds.

    ``place`` is its place in the list of those that are taken in together.
    """

    place: int
    cluster: str
    node: str
    generation: str
    seq: int
    state_hash: bytes
    clock: float
    listed_ago: float
    waited: float
    lost_events: int
    beat: int


class Note(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where a node stands after a message at ``now``; ``skew`` None keeps what the last heartbeat said."""

    node_id: int
    generation: str
    seq: int
    state_hash: bytes
    now: datetime
    clock: float
    skew: float | None
    lost_events: int
    listed_at: datetime | None = None


class Taken(NamedTuple):
    """What became of heartbeats that were taken in together, at ``now``: which were not heard, by their places.

    ``unlike`` are those with another seq or hash than the register's; ``unknown`` those of another generation, or of a
    node that there is not.
    """

    now: datetime
    unlike: frozenset[int]
    unknown: frozenset[int]


# Rows are locked in the order of their keys wherever the planner follows the list; heard_before and lost_before keep
# the old values for the gaps, since RETURNING gives only new ones before PostgreSQL 18. Who was not heard is asked with
# NOT IN: it becomes a hash table, where a join would compare everybody with everybody for want of an estimate. Only
# they come back, since nearly everybody is heard: the moment alone, when it was everybody. One that comes behind a
# later one of its generation writes nothing: its list would be taken for newer than it is, its clock for the agent's.
_FLUSH: Final = Statement(
    """
    WITH moment AS MATERIALIZED (
        SELECT clock_timestamp() AS now
    ), beat AS MATERIALIZED (
        SELECT n.id AS node_id, b.*, (SELECT now FROM moment) AS now
        FROM jsonb_to_recordset(CAST(:beats AS jsonb))
            AS b (place int, cluster text, node text, generation text, seq bigint, state_hash text, clock float8,
                  listed_ago float8, waited float8, lost_events bigint, beat bigint)
        LEFT JOIN nodes AS n ON n.cluster = b.cluster COLLATE "C" AND n.node = b.node COLLATE "C"
        ORDER BY n.id
    ), heard AS (
        UPDATE node_heartbeats AS h
        SET heard_before = h.heard_at,
            heard_at = greatest(h.heard_at, b.now),
            listed_at = greatest(h.listed_at, b.now - make_interval(secs => b.listed_ago + b.waited)),
            agent_clock = b.clock,
            skew = b.clock + b.waited - extract(epoch FROM b.now),
            lost_before = h.lost_events,
            lost_events = greatest(h.lost_events, b.lost_events),
            beat = b.beat
        FROM beat AS b
        WHERE h.node_id = b.node_id AND h.generation = b.generation COLLATE "C" AND h.seq = b.seq
            AND h.state_hash = decode(b.state_hash, 'base64') AND (b.beat > h.beat OR b.beat = 0)
        RETURNING b.place, h.node_id, h.heard_before, h.heard_at, h.lost_events - h.lost_before AS lost
    ), silence AS (
        INSERT INTO gaps (node_id, reason, after, before)
        SELECT node_id, 'silent', heard_before, heard_at FROM heard
        WHERE heard_at - heard_before > make_interval(secs => CAST(:silent_after AS float8))
    ), lost AS (
        INSERT INTO gaps (node_id, reason, detail, after, before)
        SELECT node_id, 'lost-events', lost::text, heard_before, heard_at FROM heard WHERE lost > 0
    )
    SELECT m.now, unheard.place, unheard.current
    FROM moment AS m LEFT JOIN (
        SELECT b.place, coalesce(h.generation = b.generation COLLATE "C", FALSE) AS current
        FROM beat AS b LEFT JOIN node_heartbeats AS h ON h.node_id = b.node_id
        WHERE b.place NOT IN (SELECT place FROM heard) AND (h.generation, h.seq, h.state_hash)
            IS DISTINCT FROM (b.generation COLLATE "C", b.seq, decode(b.state_hash, 'base64'))
    ) AS unheard ON TRUE
    """
)
_NOTE: Final = Statement(
    """
    INSERT INTO node_heartbeats AS h
        (node_id, generation, seq, state_hash, heard_at, listed_at, agent_clock, skew, lost_events)
    SELECT node_id, generation, seq, decode(state_hash, 'base64'), now, listed_at, clock, skew, lost_events
    FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS x (node_id int, generation text, seq bigint, state_hash text, now timestamptz, listed_at timestamptz,
              clock float8, skew float8, lost_events bigint)
    ORDER BY node_id
    ON CONFLICT (node_id) DO UPDATE
    SET generation = excluded.generation, seq = excluded.seq, state_hash = excluded.state_hash,
        heard_before = h.heard_at, heard_at = excluded.heard_at,
        listed_at = greatest(h.listed_at, excluded.listed_at),
        agent_clock = excluded.agent_clock, skew = coalesce(excluded.skew, h.skew),
        lost_events = excluded.lost_events,
        beat = CASE WHEN h.generation = excluded.generation THEN h.beat ELSE 0 END
    """
)


def countable(number: int) -> int:
    """Return the number, or the nearest one that a bigint holds and a count can be."""
    return min(max(0, number), 2**62)


async def flush(writer: Writer, beats: Sequence[Beat], silent_after: float) -> Taken:
    """Take in heartbeats, in one statement, and commit.

    A node that was silent for more than ``silent_after`` seconds gets a gap. No two beats are equal.
    """
    (found,) = await writer.finish(_FLUSH(beats=json(beats), silent_after=silent_after))
    unheard = {place: current for _, place, current in found if place is not None}
    return Taken(
        now=found[0][0],
        unlike=frozenset(place for place, current in unheard.items() if current),
        unknown=frozenset(place for place, current in unheard.items() if not current),
    )


def noting(notes: Sequence[Note]) -> Call:
    """Leave where nodes stand now for their next heartbeats; the transaction's last statement."""
    return _NOTE(rows=json(notes))
