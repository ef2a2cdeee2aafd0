"""The rules for Prometheus: every metric and label in them is the collector's, and operators are told about each."""

import re
from pathlib import Path
from typing import Final, get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from collector.admission import Admission
from collector.metrics import Metrics
from protocol.answers import NodeState

ROOT: Final = Path(__file__).resolve().parent.parent.parent
RULES: Final = (ROOT / "docs/alerts.yml").read_text()
ALERTS: Final = re.findall(r"^ *- alert: (\w+)$", RULES, re.MULTILINE)
EXPRESSIONS: Final = re.findall(r"^ *expr: (?:>-\n *)?(.+)$", RULES, re.MULTILINE)


def known() -> dict[str, set[str]]:
    """Return the names that a scrape may show, each with its labels."""
    metrics = Metrics()
    metrics.watch(Admission(at_once=1, waiting=1, room=1))
    metrics.requests.labels("GET", "/", "200").inc()
    metrics.latency.labels("GET", "/").observe(1.0)
    metrics.entries.labels("delta", "taken").inc()
    metrics.nodes.labels("observed").set(1)
    metrics.conflicts.labels("one").set(1)
    metrics.pool.labels("query").set(1)
    metrics.tasks.labels("flush").set(1)
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_each_rule_has_one_expression_and_a_name_of_its_own() -> None:
    assert len(ALERTS) == len(EXPRESSIONS) == len(set(ALERTS)) > 10


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_rule_asks_for_what_collectors_show(expression: str) -> None:
    metrics = known()
    for name, matchers in re.findall(r"\b(mountbook_\w+)(?:\{([^}]*)\})?", expression):
        assert name in metrics, f"there is no metric {name}"
        for label, value in re.findall(r'(\w+)="([^"]*)"', matchers):
            assert label in metrics[name], f"{name} has no label {label}"
            if label == "state":
                assert value in get_args(NodeState)


def test_operators_are_told_what_each_alert_means() -> None:
    told = (ROOT / "docs/operations.md").read_text()
    assert [alert for alert in ALERTS if f"`{alert}`" not in told] == []


def test_everything_that_is_called_an_alert_has_a_rule() -> None:
    help_texts = {family.name: family.documentation for family in Metrics().registry.collect()}
    alerting = {name for name, text in help_texts.items() if "alert" in text}
    assert {name for name in alerting if not any(name in expression for expression in EXPRESSIONS)} == set()
