from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import ProblemError
from collector.lookup import cursors
from collector.store.read.versions import Position

MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC))
ENTRY = UUID("00112233-4455-6677-8899-aabbccddeeff")


@given(st.integers(0, 2**31 - 1), st.uuids(), MOMENTS, MOMENTS)
def test_a_cursor_comes_back_as_it_went(node: int, entry: UUID, ended: datetime | None, at: datetime | None) -> None:
    question = cursors.fingerprint({"label": ["a"]})
    position = Position(node, str(entry), ended)
    cursor = cursors.decode(cursors.encode(position, at, question), question)
    assert (cursor.position, cursor.at) == (position, at)


@pytest.mark.parametrize("text", ["", "x", "!!!!", "AAAA", "é", "a" * 4096])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ProblemError, match="not one that this service gave"):
        cursors.decode(text, b"12345678")


def test_a_number_that_no_node_can_have_is_refused() -> None:
    forged = cursors.encode(Position(2**40, str(ENTRY), None), None, b"12345678")
    with pytest.raises(ProblemError, match="not one that this service gave"):
        cursors.decode(forged, b"12345678")


def test_a_cursor_of_another_question_is_refused() -> None:
    given_for = cursors.encode(Position(1, str(ENTRY), None), None, cursors.fingerprint("one"))
    with pytest.raises(ProblemError, match="other parameters"):
        cursors.decode(given_for, cursors.fingerprint("two"))
