"""A chain made by hand, as a register holds it, and what somebody may do to it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from collector.ledger import checkpoints
from collector.ledger.chain import START, link_hash
from collector.ledger.checkpoints import Checkpoint, Read
from collector.ledger.signing import SigningKey
from collector.ledger.verify import Finding, Known, Verifier
from collector.store.ledger import AuditKind, Head, Link

KEY = SigningKey(bytes(range(32)))
REGISTER = UUID("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Chain:
    """The rows of the audit log, and what the register's head says."""

    links: tuple[Link, ...]
    head: tuple[int, bytes]

    def checkpoint(self, seq: int, key: SigningKey = KEY) -> Checkpoint:
        """A checkpoint that was made when this entry was the last one."""
        head = Head(REGISTER, seq, self.links[seq - 1].hash, BEGAN)
        return checkpoints.make(head, BEGAN + timedelta(seconds=seq), key)

    def tampered(self, links: tuple[Link, ...], *, head: bool = True) -> "Chain":
        """The same register with other rows; ``head``: whoever did it also set the head."""
        return replace(self, links=links, head=(links[-1].seq, links[-1].hash) if head and links else self.head)


def state(number: int, node: str = "n1", generation: str = "g1") -> tuple[str, str]:
    """What a message that was accepted leaves."""
    told = {"cluster": "c", "node": node, "generation": generation, "seq": number, "state_hash": "00"}
    return AuditKind.STATE, msgspec.json.encode(told).decode()


def other(number: int) -> tuple[str, str]:
    """What an answer leaves."""
    return AuditKind.ACCESS, msgspec.json.encode({"who": "ada", "question": f"/api/v1/whose?path=/{number}"}).decode()


def chained(told: list[tuple[str, str]], first: int = 1, before: bytes = START) -> Chain:
    """Chain what is told, one entry a second."""
    links = []
    for seq, (kind, body) in enumerate(told, first):
        before = link_hash(before, seq, seq * 1_000_000, seq * 1_000_000, kind, body)
        links.append(Link(seq, seq * 1_000_000, seq * 1_000_000, kind, body, before))
    return Chain(tuple(links), (links[-1].seq, links[-1].hash))


def rechained(links: tuple[Link, ...]) -> tuple[Link, ...]:
    """Number and chain the rows anew, as somebody does who knows how."""
    before, made = START, []
    for seq, link in enumerate(links, 1):
        chained_at = seq * 1_000_000
        before = link_hash(before, seq, chained_at, link.at, link.kind, link.body)
        made.append(link._replace(seq=seq, chained_at=chained_at, hash=before))
    return tuple(made)


def verify(
    chain: Chain, given: list[Checkpoint] | None = None, *, signed: tuple[Link, ...] = (), batch: int = 3
) -> tuple[Finding | None, Verifier]:
    """Verify in small batches; ``given`` are the checkpoints (None: none, and no key)."""
    read = [Read(f"checkpoints:{number}", one) for number, one in enumerate(given or [], 1)]
    known = Known(str(REGISTER), *chain.head, signed)
    verifier = Verifier(known, KEY.public if given is not None else None, read)
    for start in range(0, len(chain.links), batch):
        if not verifier.feed(chain.links[start : start + batch]):
            break
    return verifier.finish(), verifier
