"""Enrolment with a join secret: how an agent gets a token for its node (protocol version 1).

The request carries the join secret as its credential. The agent makes its token itself, 256 random bits, and sends
only the token's SHA-256: an answer that is lost costs nothing, because the same enrolment may be sent again.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from protocol.messages import Clock, Hash, Short

Name = Annotated[str, Meta(min_length=1, max_length=256)]


class Enrol(msgspec.Struct, frozen=True, kw_only=True):
    """An agent asks that its token speaks for this node.

    ``cluster`` is the Swarm's cluster ID or the name that the operator gave the cluster, ``""`` for the collector's
    default. ``node`` is the Swarm node ID, outside a Swarm ``engine:`` and the engine's ID.
    """

    cluster: Short
    node: Name
    token_hash: Hash
    hostname: Short = ""
    engine_id: Short = ""


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """From now on the token speaks for this node."""

    cluster: str
    node: str
    server_time: Clock
