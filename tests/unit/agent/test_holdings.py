"""What the register holds of a node, and the difference to what was seen: removals only of what is known to be gone."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from agent.compose import Stand, delta, snapshot
from agent.holdings import Holdings
from agent.observation import Observation
from protocol.entries import Bind, Entry, EntryKey, Kind, Volume
from protocol.messages import Kept
from protocol.statehash import entry_hash, total

ROOT = "/var/lib/docker"
STAND = Stand("1-0123456789abcdef", 0, now=0.0, seen_at=0.0, told_at=0.0, clock=0.0)
CONTENT = st.dictionaries(
    st.tuples(st.sampled_from([Kind.VOLUME, Kind.BIND]), st.sampled_from("abcde")), st.sampled_from(["", "x", "y"])
)
"""Entries by kind and key, with a field that changes."""
LOOKS = st.lists(st.tuples(CONTENT, st.frozensets(st.sampled_from([Kind.VOLUME, Kind.BIND]))), max_size=8)
"""Looks one after the other, and the kinds that each enumerated to their end."""


def entries(content: dict[tuple[Kind, str], str]) -> list[Entry]:
    kinds: dict[Kind, type[Volume | Bind]] = {Kind.VOLUME: Volume, Kind.BIND: Bind}
    return [kinds[kind](root=ROOT, key=key, reason=value) for (kind, key), value in content.items()]


def look(content: dict[tuple[Kind, str], str], complete: Iterable[Kind] = (Kind.VOLUME, Kind.BIND)) -> Observation:
    return Observation.of(entries(content), at=0.0, complete=dict.fromkeys(complete, True))


def tell(holdings: Holdings, observation: Observation) -> set[EntryKey]:
    """Tell the difference and have it acknowledged; return what was removed."""
    parcel = delta(STAND, observation, holdings)
    if parcel is None:
        return set()
    holdings.promise(parcel.changes)
    holdings.settle((), ())
    return {key for key, digest in parcel.changes.items() if digest is None}


@given(LOOKS)
def test_what_is_held_follows_what_was_seen_and_only_complete_kinds_are_removed(
    looks: list[tuple[dict[tuple[Kind, str], str], frozenset[Kind]]],
) -> None:
    holdings = Holdings()
    model: dict[EntryKey, bytes] = {}
    for content, complete in looks:
        observation = look(content, complete)
        holdings.observe(observation)
        removed = tell(holdings, observation)
        gone = {key for key in model if key not in observation.hashes and key.kind in complete}
        assert removed == gone
        model = {key: digest for key, digest in model.items() if key not in gone} | observation.hashes
        assert holdings.sum == total(model.values())
        assert not holdings.dirty


@given(CONTENT, CONTENT)
def test_sums_are_equal_exactly_when_the_sets_are(
    one: dict[tuple[Kind, str], str], other: dict[tuple[Kind, str], str]
) -> None:
    mine, theirs = Holdings(), Holdings()
    mine.observe(look(one))
    theirs.observe(look(other))
    assert (mine.seen_sum() == theirs.seen_sum()) == (one == other)


@given(CONTENT, CONTENT)
def test_a_delta_leads_from_one_state_to_the_other(
    before: dict[tuple[Kind, str], str], after: dict[tuple[Kind, str], str]
) -> None:
    holdings = Holdings()
    first, then = look(before), look(after)
    holdings.observe(first)
    tell(holdings, first)
    holdings.observe(then)
    parcel = delta(STAND, then, holdings)
    changed = {key for key, digest in then.hashes.items() if first.hashes.get(key) != digest}
    gone = first.hashes.keys() - then.hashes.keys()
    if parcel is None:
        assert not changed | gone
    else:
        assert set(parcel.keys) == changed
        assert parcel.changes.keys() == changed | gone


def test_what_the_register_kept_of_an_incomplete_kind_is_adopted() -> None:
    holdings = Holdings()
    observation = look({(Kind.VOLUME, "a"): ""}, complete=[Kind.VOLUME])
    holdings.observe(observation)
    parcel = snapshot(STAND, observation, holdings)
    holdings.promise(parcel.changes)
    kept = Bind(root=ROOT, key="/kept")
    digest = entry_hash(kept)
    holdings.settle((), [Kept(kept.entry_key, digest.hex())])
    assert holdings.holds(kept.entry_key)
    assert holdings.sum == total([*observation.hashes.values(), digest])
    # Once its kind is enumerated to its end it is known to be gone.
    complete = look({(Kind.VOLUME, "a"): ""})
    holdings.observe(complete)
    assert tell(holdings, complete) == {kept.entry_key}


def test_a_refused_entry_leaves_the_sum_and_is_not_sent_again_until_it_changes() -> None:
    holdings = Holdings()
    observation = look({(Kind.VOLUME, "a"): "", (Kind.VOLUME, "b"): ""})
    holdings.observe(observation)
    parcel = delta(STAND, observation, holdings)
    assert parcel is not None
    holdings.promise(parcel.changes)
    refused = EntryKey(Kind.VOLUME, ROOT, "a")
    holdings.settle([refused], ())
    assert not holdings.holds(refused)
    assert holdings.sum == total(digest for key, digest in observation.hashes.items() if key != refused)
    assert delta(STAND, observation, holdings) is None
    changed = look({(Kind.VOLUME, "a"): "other", (Kind.VOLUME, "b"): ""})
    holdings.observe(changed)
    again = delta(STAND, changed, holdings)
    assert again is not None
    assert again.keys == (refused,)
