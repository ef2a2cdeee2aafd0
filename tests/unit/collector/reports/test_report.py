"""What stands above the rows of a report."""

import msgspec

from collector.reports.report import caution, facts
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
