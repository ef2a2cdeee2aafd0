"""Every route, in the order in which ``/docs`` shows them."""

from typing import Final

from collector.http import (
    agents,
    audit,
    containers,
    describe,
    enrolment,
    events,
    evidence,
    health,
    images,
    layers,
    leftovers,
    memory,
    mounts,
    nodes,
    reports,
    sizes,
    where,
    whose,
)
from collector.http.routes import Route

ROUTES: Final[tuple[Route, ...]] = (
    *where.ROUTES,
    *whose.ROUTES,
    *mounts.ROUTES,
    *containers.ROUTES,
    *layers.ROUTES,
    *images.ROUTES,
    *nodes.ROUTES,
    *sizes.ROUTES,
    *reports.ROUTES,
    *leftovers.ROUTES,
    *memory.ROUTES,
    *events.ROUTES,
    *evidence.ROUTES,
    *audit.ROUTES,
    *agents.ROUTES,
    *enrolment.ROUTES,
    *health.ROUTES,
    *describe.ROUTES,
)
