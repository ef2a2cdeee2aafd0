"""X4: whoever edits, deletes, moves or cuts off entries is found, and the first bad entry is named."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.ledger import checkpoints, vouched
from collector.ledger.chain import START
from collector.ledger.signing import SigningKey
from collector.ledger.vouched import Anchor, Restore
from collector.store.ledger import AuditKind, Head, Link
from tests.unit.collector.ledger.chains import BEGAN, KEY, REGISTER, Chain, chained, other, rechained, state, verify

WHOLE = chained([other(number) for number in range(1, 31)])
COVERED = [WHOLE.checkpoint(10), WHOLE.checkpoint(20), WHOLE.checkpoint(28)]
PLACES = st.integers(0, 27)  # the last two entries are covered by no checkpoint yet


def edited(link: Link, field: str) -> Link:
    changed = {
        "at": link._replace(at=link.at + 1),
        "chained_at": link._replace(chained_at=link.chained_at + 1),
        "kind": link._replace(kind=AuditKind.TOKEN.value),
        "body": link._replace(body=link.body.replace("ada", "bob")),
        "hash": link._replace(hash=link.hash[:-1] + bytes([link.hash[-1] ^ 1])),
    }
    return changed[field]


def test_what_nobody_touched_is_whole() -> None:
    finding, verifier = verify(WHOLE, COVERED)
    assert finding is None
    assert (verifier.entries, verifier.covered, verifier.remarks) == (30, 28, [])
    assert verify(WHOLE)[0] is None


@given(PLACES, st.sampled_from(("at", "chained_at", "kind", "body", "hash")), st.booleans())
def test_an_edit_is_found_at_its_entry(place: int, field: str, with_checkpoints: bool) -> None:
    links = (*WHOLE.links[:place], edited(WHOLE.links[place], field), *WHOLE.links[place + 1 :])
    finding, _ = verify(WHOLE.tampered(links), COVERED if with_checkpoints else None)
    assert finding is not None
    assert finding.first == place + 1


@given(PLACES, st.integers(1, 5))
def test_a_deletion_is_found_at_its_first_entry(place: int, length: int) -> None:
    finding, _ = verify(WHOLE.tampered(WHOLE.links[:place] + WHOLE.links[place + length :]), COVERED)
    assert finding is not None
    assert finding.first <= place + 1 <= finding.last


@given(PLACES, PLACES)
def test_two_entries_that_changed_places_are_found_at_the_first(one: int, two: int) -> None:
    if one == two:
        return
    links = list(WHOLE.links)
    links[one], links[two] = links[two]._replace(seq=one + 1), links[one]._replace(seq=two + 1)
    finding, _ = verify(WHOLE.tampered(tuple(links)), COVERED)
    assert finding is not None
    assert finding.first == min(one, two) + 1


@given(st.integers(0, 27), st.booleans())
def test_a_log_that_was_cut_off_is_found_where_it_ends(length: int, head_too: bool) -> None:
    finding, _ = verify(WHOLE.tampered(WHOLE.links[:length], head=head_too), COVERED)
    assert finding is not None
    assert finding.first == length + 1
    assert "cut off" in finding.what


@given(st.sampled_from(("edit", "delete", "move", "cut")), PLACES, PLACES)
def test_whoever_makes_the_chain_anew_is_found_by_the_next_checkpoint(how: str, place: int, to: int) -> None:
    links = list(WHOLE.links)
    if how == "edit":
        links[place] = edited(links[place], "body")
    elif how == "delete":
        del links[place]
    elif how == "move":
        links.insert(to, links.pop(place))
    else:
        links = links[: place or 1]
    anew = WHOLE.tampered(rechained(tuple(links)))
    if anew == WHOLE:
        return
    assert verify(anew)[0] is None, "without checkpoints there is nothing to compare with"
    finding, _ = verify(anew, COVERED)
    assert finding is not None
    first = min(place, to) + 1 if how == "move" else place + 1
    assert finding.first <= max(first, 2) <= finding.last


def test_a_doubled_entry_is_found() -> None:
    finding, _ = verify(WHOLE.tampered((*WHOLE.links[:5], WHOLE.links[4], *WHOLE.links[5:])), COVERED)
    assert finding is not None
    assert (finding.first, finding.what) == (5, "entry 5 is there twice")


def test_a_checkpoint_of_another_key_is_no_witness() -> None:
    forged = WHOLE.checkpoint(20, SigningKey(bytes(32)))
    finding, _ = verify(WHOLE, [*COVERED, forged])
    assert finding is not None
    assert "checkpoints:4 is not signed with the given key" in finding.what
    changed = msgspec.structs.replace(COVERED[0], seq=11)
    assert verify(WHOLE, [changed])[0] is not None


def test_a_checkpoint_of_the_log_before_its_first_entry_holds() -> None:
    empty = checkpoints.make(Head(REGISTER, 0, START, BEGAN), BEGAN, KEY)
    finding, verifier = verify(WHOLE, [empty, *COVERED])
    assert finding is None
    assert (verifier.covered, verifier.remarks) == (28, [])
    assert verify(WHOLE, [empty])[0] is None


def test_a_register_of_another_name_is_not_taken_for_this_one() -> None:
    stranger = msgspec.structs.replace(COVERED[0], register="ffffffff-ffff-ffff-ffff-ffffffffffff", signature="")
    signature = KEY.sign(checkpoints.PURPOSE, stranger.signed()).hex()
    stranger = msgspec.structs.replace(stranger, signature=signature)
    finding, _ = verify(WHOLE, [stranger])
    assert finding is not None
    assert "not one of 1 checkpoints is of this register" in finding.what
    finding, verifier = verify(WHOLE, [stranger, *COVERED])
    assert finding is None
    assert verifier.remarks == ["1 checkpoints are of other registers."]


def test_a_message_that_was_accepted_and_never_chained_is_found() -> None:
    told = [state(1), state(1, "n2"), state(2), state(2, "n2"), state(4), state(3, "n2")]
    finding, _ = verify(chained(told), [])
    assert finding is not None
    assert finding.first == 5
    assert "message 4 of node n1" in finding.what
    hello = (AuditKind.HELLO.value, '{"cluster":"c","node":"n1","generation":"g2"}')
    assert verify(chained([state(7), state(8), hello, state(1, generation="g2")]), [])[0] is None
    assert verify(chained([state(7), state(1, generation="g2")]), [])[0] is not None


def watched(number: int, node: str = "n1") -> tuple[str, str]:
    return AuditKind.WATCHED.value, state(number, node)[1]


def test_where_the_log_begins_to_watch_a_node_its_next_message_is_the_next_number() -> None:
    assert verify(chained([watched(7), watched(3, "n2"), state(8), state(4, "n2")]), [])[0] is None
    finding, _ = verify(chained([watched(7), state(9)]), [])
    assert finding is not None
    assert (finding.first, "message 9 of node n1" in finding.what) == (2, True)


def test_the_word_that_a_node_is_watched_excuses_no_hole() -> None:
    assert verify(chained([state(6), watched(6), state(7)]), [])[0] is None
    finding, _ = verify(chained([state(6), watched(8), state(9)]), [])
    assert finding is not None
    assert finding.first == 2


def test_what_the_database_noted_for_an_older_collector_counts_and_is_told() -> None:
    by_database = [(kind, body[:-1] + ',"noted_by":"database"}') for kind, body in (state(2), state(3))]
    finding, verifier = verify(chained([state(1), *by_database, state(4)]), [])
    assert finding is None
    assert verifier.remarks[0].startswith("2 of the entries 2 to 3 were noted by the database")
    assert verify(chained([state(1), by_database[1], state(4)]), [])[0] is not None, "a hole stays one"


@pytest.mark.parametrize("key", [KEY, SigningKey(bytes(32))])
def test_a_month_that_retention_dropped_needs_its_signed_anchor(key: SigningKey) -> None:
    dropped = WHOLE.links[11]
    anchor = vouched.sign_anchor(
        Anchor(register=str(REGISTER), partition="audit_log_2025_01", through=12, hash=dropped.hash.hex()), key
    )
    signed = WHOLE.links[-1]._replace(kind=AuditKind.RETENTION.value, body=msgspec.json.encode(anchor).decode())
    rest = WHOLE.tampered(WHOLE.links[12:])
    finding, verifier = verify(rest, COVERED, signed=(signed,))
    if key is KEY:
        assert finding is None
        assert verifier.remarks == ["Entries up to 12 went with audit_log_2025_01, as a signed anchor says."]
        assert verify(WHOLE.tampered(WHOLE.links[13:]), COVERED, signed=(signed,))[0] is not None
    else:
        assert finding is not None
        assert (finding.first, finding.last) == (1, 12)


def test_a_restore_excuses_what_it_says_and_nothing_later() -> None:
    before = chained([other(number) for number in range(1, 21)])
    anew = chained([other(number) for number in (*range(1, 11), *range(100, 115))])
    witnesses = [before.checkpoint(8), before.checkpoint(20)]
    assert verify(anew, witnesses)[0] is not None
    restore = vouched.sign_restore(
        Restore(
            register=str(REGISTER), first=9, last=20, by="ada", reason="disk lost", at="2026-01-01T00:10:00.000000Z"
        ),
        KEY,
    )
    told = anew.links[-1]._replace(kind=AuditKind.RESTORE.value, body=msgspec.json.encode(restore).decode())
    finding, verifier = verify(anew, witnesses, signed=(told,))
    assert finding is None
    assert "says ada" in verifier.remarks[0]
    later = checkpoints.make(Head(REGISTER, 15, before.links[14].hash, BEGAN), BEGAN.replace(hour=1), KEY)
    assert verify(anew, [*witnesses, later], signed=(told,))[0] is not None
    unsigned = told._replace(body=told.body.replace("disk lost", "disk found"))
    assert verify(anew, witnesses, signed=(unsigned,))[0] is not None


def test_a_log_that_was_empty_when_its_head_was_read_may_have_grown() -> None:
    grown = Chain(WHOLE.links, (0, bytes(32)))
    assert verify(grown)[0] is None
    assert verify(Chain((), (0, bytes(32))))[0] is None
