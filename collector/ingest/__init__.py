"""What agents send: the protocol's rules, and how they reach the register.

``reading`` takes entries out of a message and refuses bad ones by name; ``rules`` and ``plans`` decide, without I/O;
``messages`` runs hellos and snapshots, each in one transaction, ``deltas`` many nodes' together (``turns`` is what
they share); ``heartbeats`` gathers many nodes' in one statement; ``usage`` keeps sizes beside the hashed state;
``sums`` takes state hashes from the rows again; ``rosters`` takes what managers know of their Swarm.
"""

from collector.ingest.deltas import Deltas
from collector.ingest.heartbeats import HeartbeatBatcher
from collector.ingest.messages import hello, snapshot
from collector.ingest.rosters import roster
from collector.ingest.sums import DailySums
from collector.ingest.turns import Policy
from collector.ingest.usage import usage

__all__ = ["DailySums", "Deltas", "HeartbeatBatcher", "Policy", "hello", "roster", "snapshot", "usage"]
