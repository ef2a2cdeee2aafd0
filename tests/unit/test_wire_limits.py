"""The wire format's limits are those of the code."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Final

from agent import backoff, bounds, compose, reporter
from collector import admission
from collector.http import bodies
from collector.ingest import reading, rules
from protocol import messages

WIRE_FORMAT: Final = Path(__file__).resolve().parent.parent.parent / "docs/wire-format.md"
CODE: Final = {
    name: getattr(module, name)
    for module, names in (
        (messages, ("MAX_BODY", "MAX_HEARTBEAT")),
        (bodies, ("MAX_WINDOW", "SLOWEST")),
        (reading, ("MAX_ENTRY", "MAX_PATH", "MAX_CONTAINER_KEY", "MAX_NAME", "MAX_PLACES")),
        (bounds, ("MAX_LABELS",)),
        (compose, ("ROOM",)),
        (backoff, ("BASE", "CAP")),
        (admission, ("SOONEST", "SPREAD")),
        (rules, ("CONFLICT_WAIT", "CONFLICT_LASTS")),
    )
    for name in names
}


def test_every_limit_is_described_with_its_value() -> None:
    _, _, section = WIRE_FORMAT.read_text().partition("\n## Limits\n")
    section, _, _ = section.partition("\n## ")
    documented = dict(re.findall(r"^\| `([A-Z_]+)` \| ([0-9.]+)", section, re.MULTILINE))
    said = {
        name: value / timedelta(seconds=1) if isinstance(value, timedelta) else value for name, value in CODE.items()
    }
    assert {name: float(value) for name, value in documented.items()} == said


def test_both_sides_mean_the_same_wait_after_a_conflict() -> None:
    assert reporter.CONFLICT_WAIT == rules.CONFLICT_WAIT


def test_a_message_of_the_agent_fits_into_a_body() -> None:
    assert compose.ROOM + reading.MAX_ENTRY < messages.MAX_BODY
    assert bounds.MAX_LABELS < reading.MAX_ENTRY
