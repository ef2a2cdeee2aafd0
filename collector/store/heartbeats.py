"""Heartbeats: many nodes' in one statement, and the row that every other message leaves for the next one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

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


@dataclass(frozen=True, slots=True)
class Outcome:
    """``heard``: generation, seq and hash are the register's. ``current``: at least the generation is."""

    heard: bool
    current: bool
    now: datetime


# Rows are locked in the order of their keys wherever the planner follows the list; heard_before and lost_before keep
# the old values for the gaps, since RETURNING gives only new ones before PostgreSQL 18. Who was heard is asked with IN:
# it becomes a hash table, where a join would compare everybody with everybody for want of an estimate.
_FLUSH: Final = Statement(
    """
    WITH beat AS MATERIALIZED (
        SELECT n.id AS node_id, b.*, clock_timestamp() AS now
        FROM jsonb_to_recordset(CAST(:beats AS jsonb))
            AS b (place int, cluster text, node text, generation text, seq bigint, state_hash text, clock float8,
                  listed_ago float8, waited float8, lost_events bigint)
        JOIN nodes AS n ON n.cluster = b.cluster COLLATE "C" AND n.node = b.node COLLATE "C"
        ORDER BY n.id
    ), heard AS (
        UPDATE node_heartbeats AS h
        SET heard_before = h.heard_at,
            heard_at = greatest(h.heard_at, b.now),
            listed_at = greatest(h.listed_at, b.now - make_interval(secs => b.listed_ago + b.waited)),
            agent_clock = b.clock,
            skew = b.clock + b.waited - extract(epoch FROM b.now),
            lost_before = h.lost_events,
            lost_events = greatest(h.lost_events, b.lost_events)
        FROM beat AS b
        WHERE h.node_id = b.node_id AND h.generation = b.generation COLLATE "C" AND h.seq = b.seq
            AND h.state_hash = decode(b.state_hash, 'base64')
        RETURNING b.place, h.node_id, h.heard_before, h.heard_at, h.lost_events - h.lost_before AS lost
    ), silence AS (
        INSERT INTO gaps (node_id, reason, after, before)
        SELECT node_id, 'silent', heard_before, heard_at FROM heard
        WHERE heard_at - heard_before > make_interval(secs => CAST(:silent_after AS float8))
    ), lost AS (
        INSERT INTO gaps (node_id, reason, detail, after, before)
        SELECT node_id, 'lost-events', lost::text, heard_before, heard_at FROM heard WHERE lost > 0
    )
    SELECT b.place, b.place IN (SELECT place FROM heard),
        coalesce(h.generation = b.generation COLLATE "C", FALSE), b.now
    FROM beat AS b LEFT JOIN node_heartbeats AS h ON h.node_id = b.node_id
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
        lost_events = excluded.lost_events
    """
)


def countable(number: int) -> int:
    """Return the number, or the nearest one that a bigint holds and a count can be."""
    return min(max(0, number), 2**62)


async def flush(writer: Writer, beats: Sequence[Beat], silent_after: float) -> list[Outcome | None]:
    """Take in heartbeats, in one statement, and commit; the answer has the order of ``beats``, None: no such node.

    A node that was silent for more than ``silent_after`` seconds gets a gap. No two beats are equal.
    """
    outcomes: list[Outcome | None] = [None] * len(beats)
    (found,) = await writer.finish(_FLUSH(beats=json(beats), silent_after=silent_after))
    for place, heard, current, now in found:
        outcomes[place] = Outcome(heard, current, now)
    return outcomes


def noting(notes: Sequence[Note]) -> Call:
    """Leave where nodes stand now for their next heartbeats; the transaction's last statement."""
    return _NOTE(rows=json(notes))
