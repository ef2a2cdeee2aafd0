"""Entries that would be too large for a message."""

import msgspec
import pytest

from agent.bounds import MAX_LABELS, bounded
from agent.observation import Observation
from collector.ingest.reading import MAX_ENTRY
from protocol.entries import Bind, Container, Entry, Volume

LARGE = {"data": "x" * 10 * 1024 * 1024}


@pytest.mark.parametrize(
    "entry", [Container(root="/r", key="c", labels=LARGE), Volume(root="/r", key="v", labels=LARGE, reason="first")]
)
def test_ten_megabytes_of_labels_are_left_out_and_the_reason_says_so(entry: Container | Volume) -> None:
    small = bounded(entry)
    assert isinstance(small, Container | Volume)
    assert small.labels == {}
    assert small.reason.startswith(entry.reason)
    assert f"at most {MAX_LABELS}" in small.reason
    assert len(msgspec.json.encode(small)) < MAX_ENTRY
    (observed,) = Observation.of([entry], at=0.0).entries.values()
    assert observed == small


@pytest.mark.parametrize(
    "entry",
    [
        Container(root="/r", key="c", labels={"é": "€" * (MAX_LABELS // 3 - 1)}),
        Container(root="/r", key="c", labels={"a": "b"}),
        Container(root="/r", key="c"),
        Bind(root="/r", key="/srv"),
    ],
)
def test_what_fits_stays_as_it_is(entry: Entry) -> None:
    assert bounded(entry) is entry
