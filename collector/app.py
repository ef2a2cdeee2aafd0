"""The collector as one application: its routes, its database, and the tasks that run beside requests."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from time import monotonic
from typing import Final

import msgspec
import structlog
from aiohttp import web

from collector import openapi
from collector import web as pages
from collector.admission import Admission
from collector.config import Config
from collector.errors import ProblemError, StartError
from collector.http import auth, middleware, reports, state, table
from collector.http.listeners import Listeners
from collector.identity import add_given, check_exposure, has_credentials
from collector.ingest import DailySums, Deltas, HeartbeatBatcher, Policy
from collector.ingest.deltas import AT_ONCE, MOST
from collector.ledger.access import AccessLog
from collector.ledger.checkpoints import CheckpointError
from collector.ledger.keeper import Keeper, make_notary
from collector.ledger.retention import Retention
from collector.ledger.signing import SigningKeyError
from collector.lookup.present import Present
from collector.metrics import Metrics
from collector.store import usage
from collector.store.engine import Database
from collector.store.partitions import Partitions
from collector.store.shape_count import ShapeCount
from protocol.messages import MAX_BODY, Intervals
from protocol.problems import ProblemType

_GRACE: Final = 10.0
"""Seconds that requests under way have to end when the collector stops."""
_KNOCKING: Final = 4096
"""So many connections are made while the collector is at something else. Thousands of agents come at once when it has
started; whoever finds no room is not heard, and tries again after a second, then after two."""
_LAST_WORDS: Final = 5.0
"""Seconds that background tasks have to end by themselves."""
_RETRY: Final = 1.0
_PASSING: Final = frozenset({ProblemType.UNAVAILABLE, ProblemType.NOT_MIGRATED})
"""What may be over in a moment: a stack starts the database, the migration and the collector at once."""
_DELTAS_WAITING: Final = 1000
"""So many deltas wait for a transaction: a second's work. They are small, and go dozens at once."""
_REVIVE: Final = 30.0
"""Seconds until a background task that died begins again; so long the service is unhealthy."""

log = structlog.get_logger(__name__)


def make_app(config: Config) -> web.Application:
    """Return the application; nothing is connected before it starts.

    It has to be served with ``auto_decompress=False``, as ``serve`` does: bodies are inflated within bounds here.

    Raises:
        SigningKeyError: the signing key is none.
        CheckpointError: checkpoints cannot be kept where they are to be.
    """
    document = openapi.document(table.ROUTES)
    database = Database(config)
    notary = make_notary(config.signing_key, config.checkpoints)
    keeper = Keeper(database, notary)
    retention = Retention(database, config.retention, notary.key if notary is not None else None)
    app = web.Application(middlewares=[middleware.around])
    batcher = HeartbeatBatcher(database, config.silent_after, config.flush)
    policy = Policy(Intervals(heartbeat=config.heartbeat, relist=config.relist), config.silent_after)
    deltas = Deltas(database, policy, max(1, min(AT_ONCE, config.ingest_pool - 1)))
    app[state.ADMISSION] = Admission(
        at_once=max(1, config.ingest_pool - deltas.at_once), waiting=config.ingest_waiting, room=MAX_BODY
    )
    app[state.DELTAS_ADMISSION] = Admission(at_once=MOST, waiting=_DELTAS_WAITING, room=MAX_BODY)
    background = _Background(database, batcher, keeper, retention)
    app[state.ACCESS_LOG] = AccessLog(database)
    app[state.LEDGER] = keeper
    app[state.ALERTS] = background.alerts
    app[state.BACKGROUND] = background.alive
    app[state.CONFIG] = config
    app[state.DATABASE] = database
    app[state.BATCHER] = batcher
    app[state.LISTENERS] = Listeners()
    app.on_shutdown.append(app[state.LISTENERS].end)
    app[state.METRICS] = Metrics()
    app[state.METRICS].months_ahead.set_function(background.months_ahead)
    app[reports.UNDER_WAY] = asyncio.Semaphore(reports.AT_ONCE)
    app[state.METRICS].watch(app[state.ADMISSION], app[state.DELTAS_ADMISSION])
    app[state.METRICS].checkpoint_age.set_function(background.checkpoint_age)
    app[state.METRICS].set_back.set_function(background.set_back)
    app[state.METRICS].sums_wrong.set_function(lambda: background.sums.wrong)
    app[state.PRESENT] = Present(config.silent_after)
    app[state.OPENAPI] = msgspec.json.encode(document)
    app[state.DELTAS] = deltas
    app[state.POLICY] = policy
    app[auth.GUARD] = auth.Guard(database, config.host)
    app[pages.DOCUMENT] = document
    for route in table.ROUTES:
        if route.method == "GET":
            app.router.add_get(route.path, auth.guarded(route))
        else:
            app.router.add_route(route.method, route.path, auth.guarded(route))
    pages.setup(app)
    app.cleanup_ctx.append(background.around)
    return app


async def serve(config: Config, *, started: Callable[[str], None] | None = None) -> None:
    """Run the collector until cancelled; requests under way are ended first.

    Args:
        config: a checked configuration.
        started: told the collector's address (``http://127.0.0.1:8480``) when it accepts requests.

    Raises:
        StartError: the database cannot be used, checkpoints cannot be signed or kept, the address cannot be listened
            on, or would be open to everybody.
    """
    try:
        app = make_app(config)
    except (SigningKeyError, CheckpointError) as exc:
        raise StartError(str(exc)) from exc
    runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=_GRACE)
    try:
        await _check(config, app[state.DATABASE])
        await runner.setup()
        try:
            await web.TCPSite(runner, config.host, config.port, backlog=_KNOCKING).start()
        except OSError as exc:
            raise StartError(
                f"cannot listen on {config.host} port {config.port}: {exc.strerror or exc}; "
                "choose others with MOUNTBOOK_HOST and MOUNTBOOK_PORT"
            ) from exc
        address = _address(config.host, runner)
        log.info("the collector listens", address=address)
        if started is not None:
            started(address)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
        await app[state.DATABASE].close()


async def _check(config: Config, database: Database) -> None:
    """Look whether the collector may start as it is told to.

    Raises:
        StartError: it may not; the sentence says what to do.
    """
    give_up = monotonic() + config.patience
    while True:
        try:
            await database.check()
            if config.admin_token:
                await add_given(database, config.admin_token)
            check_exposure(config.host, bool(config.join_secret) or await has_credentials(database))
            return
        except ProblemError as exc:
            if exc.kind not in _PASSING or monotonic() >= give_up:
                raise StartError(exc.detail) from exc
            log.warning("waiting for the database", why=exc.detail)
        await asyncio.sleep(_RETRY)


def _address(host: str, runner: web.AppRunner) -> str:
    port = runner.addresses[0][1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


_Job = Callable[[asyncio.Event], Awaitable[None]]


class _Background:
    """What runs beside requests, from before the first to after the last."""

    def __init__(self, database: Database, batcher: HeartbeatBatcher, keeper: Keeper, retention: Retention) -> None:
        self._batcher, self._keeper = batcher, keeper
        self._partitions = Partitions(database)
        self.sums = DailySums(database)
        self._jobs: dict[str, _Job] = {
            "partitions": self._partitions.run,
            "ledger": keeper.run,
            "retention": retention.run,
            "usage": partial(usage.keep_forgetting, database),
            "sums": self.sums.run,
            "shapes": ShapeCount(database).run,
        }
        self._alive = dict.fromkeys(self._jobs, True)

    def alive(self) -> dict[str, bool]:
        """Return of every task whether it runs."""
        return {"heartbeats": self._batcher.running, **self._alive}

    def months_ahead(self) -> float:
        """Return how many months of history are ready."""
        return self._partitions.ahead or 0

    def checkpoint_age(self) -> float:
        """Return the seconds since the last checkpoint; not a number before the first, and when none are made."""
        return self._keeper.age if self._keeper.age is not None else math.nan

    def set_back(self) -> float:
        """Return 1 when the register was found set back."""
        return float(self._keeper.set_back)

    def alerts(self) -> list[str]:
        """Return in sentences what somebody has to look at."""
        return [*self._partitions.alerts(), *self._keeper.alerts()]

    async def around(self, _app: web.Application) -> AsyncIterator[None]:
        """Start the tasks; end them after the last request."""
        stopping = asyncio.Event()
        self._batcher.start()
        tasks = [asyncio.create_task(self._keep(name, job, stopping), name=name) for name, job in self._jobs.items()]
        yield
        stopping.set()
        await self._batcher.stop()
        # What the last requests left is chained and signed by this collector, if the database is there.
        await asyncio.wait(tasks, timeout=_LAST_WORDS)
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep(self, name: str, job: _Job, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            self._alive[name] = True
            try:
                await job(stopping)
            except Exception:
                log.exception("a background task died", task=name, again_in=_REVIVE)
                self._alive[name] = False
                await asyncio.sleep(_REVIVE)
