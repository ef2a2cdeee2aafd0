"""What Prometheus may scrape. One registry per application, so that several live in one process."""

from collections.abc import Sequence
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from collector.admission import Admission

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The collector's measurements.

    ``requests`` and ``latency`` (seconds) are counted by route; ``entries`` are those that ingest took or refused.
    The gauges are filled when they are scraped.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.requests = Counter(
            "mountbook_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.latency = Histogram(
            "mountbook_http_request_seconds",
            "From the request's head to the last byte handed to the kernel.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        # Their lines, which are found faster so than by their labels.
        self._lines: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.entries = Counter(
            "mountbook_ingest_entries", "Entries that agents sent.", ("message", "outcome"), registry=self.registry
        )
        self.database_up = Gauge(
            "mountbook_database_up", "1 when the database answered the last scrape.", registry=self.registry
        )
        self.nodes = Gauge("mountbook_nodes", "Nodes by state.", ("state",), registry=self.registry)
        self.conflicts = Gauge(
            "mountbook_node_conflicts",
            "Nodes that two agents speak for, on one machine or on two; two is an alert.",
            ("machines",),
            registry=self.registry,
        )
        self.months_ahead = Gauge(
            "mountbook_history_months_ahead",
            "Months after this one that history has partitions for; below 1 is an alert.",
            registry=self.registry,
        )
        self.checkpoint_age = Gauge(
            "mountbook_audit_checkpoint_age_seconds",
            "Seconds since the last signed checkpoint of the audit log; above 60 is an alert.",
            registry=self.registry,
        )
        self.set_back = Gauge(
            "mountbook_audit_set_back",
            "1 when the audit log does not hold what a checkpoint says; an alert.",
            registry=self.registry,
        )
        self.sums_wrong = Gauge(
            "mountbook_state_hashes_wrong",
            "Nodes whose rows were not what was acknowledged, since the start; above 0 is an alert.",
            registry=self.registry,
        )
        self.pool = Gauge("mountbook_database_connections", "Connections in use.", ("pool",), registry=self.registry)
        self.tasks = Gauge(
            "mountbook_background_task_alive", "1 while a background task runs.", ("task",), registry=self.registry
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        line = self._lines.get((method, route, status))
        if line is None:
            line = (self.requests.labels(method, route, str(status)), self.latency.labels(method, route))
            self._lines[method, route, status] = line
        line[0].inc()
        line[1].observe(seconds)

    def watch(self, *admissions: Admission) -> None:
        """Show what is inside of all of them, and count who was turned away."""
        for name, help_text, value in (
            (
                "mountbook_ingest_inside",
                "Messages that are being read, wait, or are worked on.",
                lambda: sum(one.inside for one in admissions),
            ),
            (
                "mountbook_ingest_working",
                "Messages that are worked on.",
                lambda: sum(one.working for one in admissions),
            ),
            (
                "mountbook_ingest_bytes",
                "Bytes of messages that are held, as sent and inflated.",
                lambda: sum(one.bytes for one in admissions),
            ),
        ):
            Gauge(name, help_text, registry=self.registry).set_function(value)
        turned_away = Gauge(
            "mountbook_ingest_turned_away",
            "Messages that were answered busy since the start: no place, no room for their bytes, or no turn in time.",
            ("reason",),
            registry=self.registry,
        )
        for reason in admissions[0].turned_away:
            turned_away.labels(reason).set_function(partial(_turned_away, admissions, reason))

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


def _turned_away(admissions: Sequence[Admission], reason: str) -> int:
    return sum(one.turned_away[reason] for one in admissions)
