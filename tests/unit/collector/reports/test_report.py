"""What stands above the rows of a report."""

import msgspec

from collector.reports.report import caution, facts, nothing
from tests.unit.collector.reports.samples import head


def test_nodes_that_were_not_observed_are_named() -> None:
    told = facts(head())
    assert ("Coverage", "2 of 3 nodes observed during the whole window") in told
    gaps = [value for label, value in told if label == "Not observed"]
    assert len(gaps) == 2
    assert "n1 (n1id): silent, after 2026-01-04T00:00:00.000000Z" in gaps[0]
    assert gaps[1] == "and 20 more such times; the report `coverage` lists all"
    assert caution(head())


def test_a_report_of_the_register_itself_does_not_depend_on_nodes() -> None:
    log = msgspec.structs.replace(head(), name="integrity")
    (covered,) = [value for label, value in facts(log) if label == "Coverage"]
    assert "it depends on no node (2 of 3 nodes observed" in covered
    assert not [label for label, _ in facts(log) if label == "Not observed"]
    assert caution(log) == ""


def test_one_node_is_no_nodes() -> None:
    alone = msgspec.structs.replace(head().coverage, nodes=1, nodes_observed=1, complete=True)
    assert ("Coverage", "1 of 1 node observed during the whole window") in facts(
        msgspec.structs.replace(head(), coverage=alone)
    )


def test_that_there_is_no_row_says_whether_it_may_be_the_filters_or_a_gap() -> None:
    assert nothing(head(complete=True, filters=())) == (
        "There is nothing to list: the register has nothing of this in the window."
    )
    assert nothing(head(filters=["service=web"])) == (
        "There is nothing to list: the register has nothing of this in the window that matches the filters. "
        "That does not say that there was nothing: see what was not observed."
    )
