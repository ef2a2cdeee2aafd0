"""Facts in words."""

from datetime import UTC, datetime, timedelta

import pytest

from mountbook.output.words import NAMED_NODES, ago, coverage, printable, short_id, since
from protocol.answers import Bounds, Coverage, SilentNode
from protocol.times import to_text

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "less than a second ago"),
        (0.4, "less than a second ago"),
        (1, "1 second ago"),
        (59, "59 seconds ago"),
        (60, "about a minute ago"),
        (180, "3 minutes ago"),
        (3600, "about an hour ago"),
        (7200, "2 hours ago"),
        (47 * 3600, "47 hours ago"),
        (48 * 3600, "2 days ago"),
        (14 * 86400, "2 weeks ago"),
        (90 * 86400, "3 months ago"),
        (730 * 86400, "2 years ago"),
    ],
)
def test_lengths_of_time_are_dockers(seconds: float, words: str) -> None:
    assert ago(to_text(NOW - timedelta(seconds=seconds)), to_text(NOW)) == words


def test_a_time_that_is_none_is_shown_as_it_is() -> None:
    assert ago("yester\x1bday", to_text(NOW)) == "yester\\x1bday"
    assert ago(None, to_text(NOW)) == ""


def test_a_beginning_that_nobody_observed_has_one_bound() -> None:
    bounds = Bounds(after=None, before="2026-01-31T11:00:00Z")
    assert since(bounds, to_text(NOW)) == "2026-01-31 11:00:00Z or earlier (the node was not observed before)"


def test_only_whole_ids_are_shortened() -> None:
    assert short_id("ab" * 32) == "abababababab"
    assert short_id("sha256:" + "ab" * 32) == "abababababab"
    assert short_id("ab" * 32, no_trunc=True) == "ab" * 32
    assert short_id("overlay2/abc") == "overlay2/abc"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("日本 é", "日本 é"),
        ("a\nb", "a\\x0ab"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\u202eb", "a\\u202eb"),
    ],
)
def test_nothing_moves_the_cursor(text: str, shown: str) -> None:
    assert printable(text) == shown


def silent(name: str, state: str = "silent", at: str | None = "2026-01-31T11:59:00Z") -> SilentNode:
    return SilentNode(cluster="c", node=name, hostname=name, state=state, since=at)  # type: ignore[arg-type]  # a literal


def test_coverage_names_the_nodes_by_their_state() -> None:
    given = Coverage(
        as_of=to_text(NOW),
        complete=False,
        nodes_observed=1,
        silent=[silent("n2"), silent("n3", "never-seen", None), silent("n4")],
    )
    assert coverage(given) == (
        "1 of 4 nodes observed; silent: n2 since 2026-01-31 11:59:00Z (about a minute ago), "
        "n4 since 2026-01-31 11:59:00Z (about a minute ago); never-seen: n3"
    )


def test_coverage_of_many_silent_nodes_stays_short() -> None:
    nodes = [silent(f"n{number}") for number in range(NAMED_NODES + 5)]
    given = Coverage(as_of=to_text(NOW), complete=False, nodes_observed=0, silent=nodes)
    assert coverage(given).endswith("; and 5 more (`mountbook nodes` lists all)")


def test_coverage_of_an_empty_register() -> None:
    assert coverage(Coverage(as_of=to_text(NOW), complete=True, nodes_observed=0)) == "no node has reported yet"
