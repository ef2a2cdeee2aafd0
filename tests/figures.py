"""Figures of the scorecard that tests find, printed as one table when all tests have run.

A pytest plugin (``tests/conftest.py`` names it). What a test notes has been asserted before; a test that failed notes
nothing, and its row is missing.
"""

from typing import Protocol

import pytest

from bench.table import Row, written

_ROWS = pytest.StashKey[list[Row]]()


class Figure(Protocol):
    """How a test notes a figure."""

    def __call__(self, number: str, what: str, found: str, goal: str) -> None:
        """Note that the row ``number`` of the scorecard was found to hold, and with which figure."""


def pytest_configure(config: pytest.Config) -> None:
    """Begin with an empty table."""
    config.stash[_ROWS] = []


@pytest.fixture(scope="session")
def figure(pytestconfig: pytest.Config) -> Figure:
    """Notes figures."""
    rows = pytestconfig.stash[_ROWS]

    def note(number: str, what: str, found: str, goal: str) -> None:
        rows.append(Row(number, what, found, goal=goal, holds=True))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table, if there is anything in it."""
    if rows := config.stash[_ROWS]:
        terminalreporter.section("scorecard")
        terminalreporter.write_line(written(sorted(rows, key=lambda row: row.number)))
