"""``python -m collector``: the only place that reads the environment; signals and logs."""

import asyncio
import logging
import os
import signal
import sys

import structlog

from collector import garbage
from collector.app import serve
from collector.config import Config, from_environment
from collector.errors import ConfigError, StartError

_BAD_CONFIG = 2
_NOT_STARTED = 1


def main() -> int:
    """Run the collector until SIGTERM or SIGINT; return the exit status."""
    try:
        config = from_environment(os.environ)
    except ConfigError as exc:
        for problem in exc.problems:
            print(f"collector: {problem}", file=sys.stderr)  # noqa: T201 - a person reads it, not the log
        return _BAD_CONFIG
    log_as_json()
    try:
        asyncio.run(_until_told(config))
    except StartError as exc:
        print(f"collector: {exc}", file=sys.stderr)  # noqa: T201 - as above
        return _NOT_STARTED
    return 0


def log_as_json() -> None:
    """Write one JSON object a line to standard error, of this program's own logs and of its libraries'."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)


async def _until_told(config: Config) -> None:
    serving = asyncio.create_task(serve(config, started=lambda _: garbage.settle()))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        if not serving.cancelled():
            raise


if __name__ == "__main__":
    sys.exit(main())
