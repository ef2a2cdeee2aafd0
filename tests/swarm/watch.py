"""What ``nodes`` says while a Swarm changes: every answer on the way is looked at, not only the one waited for.

Nothing here measures this machine's speed: what has to come within two heartbeats is counted in heartbeats that the
register took, and ages are those between two times of the register.
"""

import json
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from tests.swarm.swarm import HEARTBEAT, Swarm, settled

_BEAT: Final = timedelta(seconds=float(HEARTBEAT))
_SILENT_AFTER: Final = 3 * _BEAT
_MOST: Final = 2
"""So many heartbeats may come before the register knows what Swarm knows."""


class Seen(NamedTuple):
    """A node, as ``nodes`` calls it; all but ``state`` is what the roster says."""

    state: str
    role: str = "worker"
    availability: str = "active"
    swarm_state: str = "ready"


def until(swarm: Swarm, what: str, wanted: dict[str, Seen]) -> None:
    """Wait until Swarm, and then until the register, says this of the nodes, by their IDs.

    What is the roster's to say is said within two heartbeats of the manager that sends it, counted since Swarm knew.

    Raises:
        AssertionError: it does not, or an answer on the way contradicted itself.
        LabError: it is not said in time.
    """
    told = {node: seen[1:] for node, seen in wanted.items()}
    settled(f"Swarm knows: {what}", lambda: _swarms(swarm), lambda known: known.items() >= told.items())
    begin = datetime.fromisoformat(swarm.now())
    heartbeats: defaultdict[str, set[datetime]] = defaultdict(set)
    said = False

    def look() -> dict[str, Seen]:
        nonlocal said
        answer = swarm.answer(swarm.leader, "nodes")
        seen = {row["node"]: Seen(*(row[name] for name in Seen._fields)) for row in answer["nodes"]}
        (roster,) = answer["rosters"]
        read = datetime.fromisoformat(roster["read_at"])
        for row, heard in _heard(answer):
            if begin < heard <= read:
                heartbeats[row["node"]].add(heard)
        if not said:
            late = sorted(heartbeats[roster["node"]])
            assert len(late) <= _MOST, f"{what}: not said after {begin} until the heartbeats at {late}: {seen}"
            said = {node: one[1:] for node, one in seen.items() if node in told} == told
        return seen

    settled(what, look, lambda seen: seen.items() >= wanted.items())


def _heard(answer: dict[str, Any]) -> list[tuple[dict[str, Any], datetime]]:
    """Return the rows of nodes that were ever heard, and when they were last.

    One that was heard within two heartbeats is called nothing but observed, and that no node after three missed ones.
    """
    asked = datetime.fromisoformat(answer["coverage"]["as_of"])
    found = [(row, datetime.fromisoformat(row["since"])) for row in answer["nodes"] if row["since"] is not None]
    for row, heard in found:
        if row["state"] == "observed":
            assert asked - heard <= _SILENT_AFTER, f"observed at {asked}: {row}"
        elif row["state"] not in ("never-seen", "incomplete"):
            assert asked - heard > _MOST * _BEAT, f"heard a moment before {asked}: {row}"
    return found


def _swarms(swarm: Swarm) -> dict[str, tuple[str, str, str]]:
    """Return what Swarm itself says of its nodes."""
    ids = swarm.leader.docker("node", "ls", "--quiet").split()
    rows = json.loads(swarm.leader.docker("node", "inspect", *ids))
    return {row["ID"]: (row["Spec"]["Role"], row["Spec"]["Availability"], row["Status"]["State"]) for row in rows}
