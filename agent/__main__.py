"""``python -m agent``: the only reader of the environment; logging, signals and exit statuses."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from typing import Final

import structlog

from agent import service
from agent.config import ENVIRONMENT, Config, from_environment
from agent.errors import AgentError, ConfigError
from agent.health import HealthFile
from protocol.version import RELEASE

OK: Final = 0
FAILED: Final = 1
"""Exit status: the agent ended by itself, or ``--check`` found it unwell."""
USAGE: Final = 2
"""Exit status: the configuration cannot be used."""

_log = structlog.stdlib.get_logger("agent")

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def main(arguments: list[str] | None = None) -> int:
    """Run the agent, or check on it; return the exit status."""
    options = _parser().parse_args(arguments)
    if options.check:
        well, sentence = HealthFile(os.environ.get("MOUNTBOOK_STATE_DIR", "")).verdict()
        sys.stdout.write(f"{sentence}\n")
        return OK if well else FAILED
    log_to_stderr(options.log_level)
    try:
        config = from_environment(os.environ)
    except ConfigError as exc:
        sys.stderr.writelines(f"mountbook agent: {problem}\n" for problem in exc.problems)
        return USAGE
    try:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(_until_stopped(config))
    except AgentError as exc:
        sys.stderr.write(f"mountbook agent: {exc}\n")
        return FAILED
    except Exception:
        _log.exception("the agent ends because of a fault of its own; please report it")
        return FAILED
    return OK


def log_to_stderr(level: str) -> None:
    """Write the log to standard error, one JSON object a line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )


async def _until_stopped(config: Config) -> None:
    """Run the service until SIGTERM or SIGINT ends it, quietly and at once."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
    await service.run(config)


def _parser() -> argparse.ArgumentParser:
    variables = "\n".join(f"  {name:<24}{text}" for name, text in ENVIRONMENT.items())
    parser = argparse.ArgumentParser(
        prog="python -m agent",
        description="Mountbook's agent: reports which container owns which directory on this node.",
        epilog=f"Configuration comes from the environment:\n{variables}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--check", action="store_true", help="say whether the agent is well (for HEALTHCHECK), and exit"
    )
    parser.add_argument("--log-level", choices=sorted(_LEVELS), default="info", help="least level that is logged")
    parser.add_argument("--version", action="version", version=f"mountbook agent {RELEASE}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
