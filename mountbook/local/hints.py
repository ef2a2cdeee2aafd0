"""What to type next, with names and paths that are really there."""

import shlex
from collections.abc import Sequence
from typing import Final

from protocol.answers import ContainerRow
from protocol.entries import PathKind

DEFAULT_PORT: Final = 8480
"""Where the command looks for a collector unless MOUNTBOOK_URL says otherwise."""

_BROWSABLE: Final = (PathKind.DIFF, PathKind.FULL_VIEW)


def lines(command: str, url: str, rows: Sequence[ContainerRow]) -> list[str]:
    """Return shell lines to try. ``command`` is how this command is called in this shell."""
    setting = [] if url == f"http://127.0.0.1:{DEFAULT_PORT}" else [f"export MOUNTBOOK_URL={shlex.quote(url)}"]
    questions = [f"where {shlex.quote(reference)}" for reference in _references(rows)]
    questions += [f"whose {shlex.quote(path)}" for path in _paths(rows)]
    return [*setting, *(f"{command} {question}" for question in (*questions, "ls", "nodes"))]


def _references(rows: Sequence[ContainerRow]) -> list[str]:
    """Return the name of one container: of a service's task as people say it (``web.1``), else of any."""
    for row in rows:
        if row.service and row.task and row.diff_path:
            return [short_task(row)]
    return [row.name or row.container_id[:12] for row in rows if row.diff_path][:1]


def short_task(row: ContainerRow) -> str:
    """Return a task's name without its ID: ``web.1`` for ``web.1.6ud…``."""
    head, _, task_id = row.task.rpartition(".")
    return head if head.startswith(f"{row.service}.") and len(task_id) == 25 else row.task


def _paths(rows: Sequence[ContainerRow]) -> list[str]:
    """Return a path to ask about: another container's than the one that is named, where there are two."""
    paths = [row.diff_path for row in rows if row.diff_path and row.path_kind in _BROWSABLE]
    return paths[1:2] or paths[:1]
