"""What agents send: the protocol's rules, and how they reach the register.

``reading`` takes entries out of a message and refuses bad ones by name; ``rules`` and ``plans`` decide, without I/O;
``messages`` runs one message in one transaction; ``heartbeats`` gathers many nodes' in one statement; ``usage`` keeps
sizes beside the hashed state; ``sums`` takes state hashes from the rows again; ``rosters`` takes what managers know of
their Swarm.
"""

from collector.ingest.heartbeats import HeartbeatBatcher
from collector.ingest.messages import Policy, delta, hello, snapshot
from collector.ingest.rosters import roster
from collector.ingest.sums import DailySums
from collector.ingest.usage import usage

__all__ = ["DailySums", "HeartbeatBatcher", "Policy", "delta", "hello", "roster", "snapshot", "usage"]
