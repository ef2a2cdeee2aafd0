"""What a snapshot or a delta changes: from what the register holds and what the agent says, without I/O."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from collector.ingest.reading import Reading
from collector.store.write import Ending, Held, Name, Opening
from protocol.entries import Kind
from protocol.statehash import shift, total

Unlisted = Callable[[Held], bool]
"""Whether the message's list was made before this version was told of, by an agent that spoke for the node before."""


@dataclass(frozen=True, slots=True)
class Known:
    """Until when the register knew what there was, before a message.

    ``listed`` is when the newest list was made that it heard of (None: it heard of none), ``kinds`` when each kind was
    last enumerated to its end.
    """

    listed: datetime | None = None
    kinds: Mapping[str, datetime | None] = field(default_factory=dict)

    def __call__(self, kind: str) -> datetime | None:
        """Return the last moment at which it knew which entries of the kind there were and were not; None: never."""
        return self.kinds.get(kind)

    def present(self, kind: str, version: Held) -> datetime:
        """Return a moment at which the version held was surely there, as late as is known.

        When it was told of it may have been gone: a message that cannot be delivered is sent again as it was. So the
        lists count, and the moment at which it was told of only as far as they reach: then no moment may be sure.
        """
        told = version.began_before if self.listed is None else min(version.began_before, self.listed)
        enumerated = self(kind)
        return told if enumerated is None else max(told, enumerated)


@dataclass(slots=True)
class Plan:
    """The versions that end and begin, the entries kept although the message lacks them, and the sum after it."""

    endings: list[Ending] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    kept: list[Name] = field(default_factory=list)
    state_hash: int = 0


def plan_snapshot(
    reading: Reading, held: Mapping[Name, Held], removable: Collection[Kind], known: Known, unlisted: Unlisted
) -> Plan:
    """Replace what is held by what was read.

    An entry that was not read ends if its kind is ``removable``: enumerated completely, and no conflict lasts. One
    that was refused is there, only its present form is not known: the version held is kept. So is one that the list
    could not have, because it is older (``unlisted``): the agent's next look says whether it is there.
    """
    plan = Plan()
    removes = {kind.value for kind in set(removable) - reading.unnamed}
    for name, version in held.items():
        if name in reading.items:
            continue
        if name.kind in removes and name not in reading.refused_names and not unlisted(version):
            plan.endings.append(_ending(name, version, known, "absent"))
        else:
            plan.kept.append(name)
    _open(plan, reading, held, known)
    hashes = [item.hash for item in reading.items.values()]
    plan.state_hash = total(hashes + [held[name].hash for name in plan.kept])
    return plan


def plan_delta(
    reading: Reading,
    removes: Collection[Name],
    held: Mapping[Name, Held],
    base: int,
    known: Known,
    *,
    at_war: bool = False,
) -> Plan:
    """Change what is held; ``held`` has at least the entries that the delta names, ``base`` is the sum before.

    What the delta both has and removes is there. While another agent speaks for the node too (``at_war``) nothing
    ends: what this one does not find may be the other one's.
    """
    plan = Plan()
    here = reading.items.keys()
    gone = {name for name in removes if name in held and name not in here and name not in reading.refused_names}
    _open(plan, reading, held, known)
    plan.kept = [name for name in reading.refused_names if name in held and name not in here]
    if at_war:
        plan.kept += gone
    else:
        plan.endings += [_ending(name, held[name], known, "removed") for name in sorted(gone)]
    plan.state_hash = shift(
        base,
        added=(opening.hash for opening in plan.openings),
        removed=(held[ending.name].hash for ending in plan.endings),
    )
    return plan


def _open(plan: Plan, reading: Reading, held: Mapping[Name, Held], known: Known) -> None:
    for name, item in reading.items.items():
        version = held.get(name)
        if version is None:
            plan.openings.append(Opening(name, item.entry, item.hash, known(name.kind)))
        elif version.hash != item.hash:
            # The next version begins when the last one ends: the same two bounds.
            ending = _ending(name, version, known, "changed")
            plan.endings.append(ending)
            plan.openings.append(Opening(name, item.entry, item.hash, ending.after))


def _ending(name: Name, version: Held, known: Known, why: str) -> Ending:
    return Ending(name, known.present(name.kind, version), why)
