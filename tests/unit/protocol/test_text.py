r"""Text from any bytes: what comes out always fits into JSON and PostgreSQL."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.text import clean, from_path


@given(raw=st.binary(max_size=40))
def test_any_bytes_become_text_that_json_and_postgresql_hold(raw: bytes) -> None:
    text = from_path(raw)
    assert "\x00" not in text
    assert json.loads(json.dumps(text).encode()) == text.encode().decode()


@given(text=st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_text_that_fits_stays_as_it_is(text: str) -> None:
    assert clean(text) == text
    assert from_path(text.encode()) == text


@given(text=st.text(st.characters(codec=None)))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"/srv/caf\xe9", r"/srv/caf\xe9"),
        (b"a\x00b", r"a\x00b"),
        (b"\xff\xfe", r"\xff\xfe"),
        ("/srv/café".encode(), "/srv/café"),
        (rb"/srv/dev\x2dsda", r"/srv/dev\x2dsda"),
    ],
)
def test_a_byte_that_is_no_text_is_written_out(raw: bytes, shown: str) -> None:
    assert from_path(raw) == shown


def test_a_surrogate_that_no_byte_stands_for_is_written_out() -> None:
    assert clean("a\ud800b") == r"a\ud800b"


def test_every_form_of_a_path_gives_the_same_text() -> None:
    raw = b"/srv/\xe9"
    assert from_path(raw) == from_path(os.fsdecode(raw))
