from collections.abc import Iterator
from email.message import Message

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mountbook.download import Answer, Parts, Progress
from mountbook.errors import UserError

BOUNDARY = "b0undary"


def answer(parts: list[bytes], sizes: list[int], cut: int = 0) -> Answer:
    body = b"".join(b"--%b\r\nContent-Type: x/y\r\n\r\n%b\r\n" % (BOUNDARY.encode(), part) for part in parts)
    body += b"--%b--\r\n" % BOUNDARY.encode()
    body = body[: len(body) - cut]

    def pieces() -> Iterator[bytes]:
        place = 0
        for number in range(len(body) + 1):
            size = sizes[number % len(sizes)]
            if piece := body[place : place + size]:
                yield piece
            place += size

    headers = Message()
    headers["Content-Type"] = f'multipart/mixed; boundary="{BOUNDARY}"'
    return Answer(headers, pieces())


CONTENT = st.lists(
    st.sampled_from([b"\r", b"\n", b"-", b"--", b"b0undar", b"b0undary", b"row,1", b""]), max_size=12
).map(b"".join)


@given(st.lists(CONTENT, min_size=1, max_size=3), st.lists(st.integers(1, 30), min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_parts_are_what_was_sent_however_they_come(parts: list[bytes], sizes: list[int]) -> None:
    # A boundary is chosen so that no part holds it.
    parts = [part.replace(b"\r\n--b0undary", b"") for part in parts]
    parts = [part.removeprefix(b"--b0undary") if part.startswith(b"--b0undary") else part for part in parts]
    found = Parts(answer(parts, sizes))
    assert [b"".join(found.next()) for _ in parts] == parts
    found.end()


@given(st.integers(3, 60))
@settings(max_examples=60, deadline=None)
def test_a_missing_end_is_noticed(cut: int) -> None:
    with pytest.raises(UserError, match="cut off"):
        read_two(answer([b"one", b"two"], [7], cut))


def read_two(given: Answer) -> None:
    found = Parts(given)
    for _ in range(2):
        b"".join(found.next())
    found.end()


def test_progress_is_one_line_that_is_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("inventory", shown=True, every=0.0) as progress:
        progress.add(1_500_000)
        progress.add(1_000_000)
    said = capsys.readouterr().err
    assert [text.strip() for text in said.split("\r\x1b[K")] == ["", "inventory: 1.5 MB", "inventory: 2.5 MB", ""]


def test_where_progress_is_not_shown_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("inventory", shown=False, every=0.0) as progress:
        progress.add(1_500_000)
    assert capsys.readouterr().err == ""


def test_a_part_more_or_less_than_expected_is_noticed() -> None:
    found = Parts(answer([b"one"], [5]))
    b"".join(found.next())
    with pytest.raises(UserError):
        found.next()
    found = Parts(answer([b"one"], [5]))
    with pytest.raises(UserError):
        found.end()
