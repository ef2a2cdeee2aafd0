"""Paths from standard input."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mountbook.errors import UserError
from mountbook.pathlines import BATCH, PathLine, asked, batches, read


@pytest.mark.parametrize(
    ("line", "size", "path"),
    [
        (b"/a/b", None, "/a/b"),
        (b"4096\t/a/b", "4096", "/a/b"),
        (b"1.5G\t/a", "1.5G", "/a"),
        (b"1,5M\t/a", "1,5M", "/a"),
        (b"12KiB\t/a", "12KiB", "/a"),
        (b"4\t2026-01-31 12:00\t/a", "4", "/a"),
        (b"4\t/with\ttab", "4", "/with\ttab"),
        (b"/with\ttab", None, "/with\ttab"),
        (b"/caf\xe9", None, "/caf\\xe9"),
        (b"3f2a/diff", None, "3f2a/diff"),
    ],
)
def test_lines_of_du_ls_and_find(line: bytes, size: str | None, path: str) -> None:
    assert read(line) == PathLine(line, size, path)


@pytest.mark.parametrize("line", [b"", b"7\ttotal", b"\r"])
def test_lines_that_ask_nothing(line: bytes) -> None:
    assert read(line).asked is None


def test_a_name_that_ends_nowhere_is_refused() -> None:
    with pytest.raises(UserError, match="names no directory"):
        asked(b"x/..")


class Drip(io.BytesIO):
    """A pipe that gives three bytes at a time."""

    def read1(self, _size: int | None = -1, /) -> bytes:
        return super().read1(3)


@given(st.lists(st.binary(min_size=1, max_size=12).filter(lambda line: b"\n" not in line), max_size=30), st.booleans())
def test_every_line_comes_out_once_and_in_order(lines: list[bytes], ended: bool) -> None:
    text = b"\n".join(lines) + (b"\n" if lines and ended else b"")
    for stream in (io.BytesIO(text), Drip(text)):
        assert [line.raw for batch in batches(stream, b"\n") for line in batch] == lines


def test_batches_are_bounded() -> None:
    sizes = [len(batch) for batch in batches(io.BytesIO(b"/a\n" * 5000), b"\n")]
    assert sum(sizes) == 5000
    assert max(sizes) <= BATCH
