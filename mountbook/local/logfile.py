"""Where the services of ``up`` write their log, while the terminal shows only what a person needs."""

import logging
from pathlib import Path
from typing import Final

import structlog

_MOST: Final = 16 * 1024 * 1024
"""Bytes after which the log is begun anew at the next start; the one before is kept."""


def open_log(path: Path) -> None:
    """Send every log of this process to ``path``, the services' as one JSON object a line.

    Raises:
        OSError: it cannot be written.
    """
    if path.exists() and path.stat().st_size > _MOST:
        path.replace(path.with_name(f"{path.name}.1"))
    log = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(log),
        cache_logger_on_first_use=True,
    )
    # Of the libraries only what is wrong.
    logging.basicConfig(stream=log, level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s", force=True)
