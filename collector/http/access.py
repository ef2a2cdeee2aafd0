"""The access log around every question: who asked what, and how much the answer told."""

from typing import Any, Final

from aiohttp import web

from collector.http.state import ACCESS_LOG
from collector.identity import Identity
from protocol.text import clean

WHO: Final = web.RequestKey("who", Identity)
"""Who asks; set where the access is to be recorded, and taken away when it was."""
ASKED: Final[web.RequestKey[dict[str, Any]]] = web.RequestKey("asked")
"""What was asked beside the address: set by handlers whose question is in the body."""
ROWS: Final = web.RequestKey("rows", int)
"""How many results the answer has; set by handlers that know it before it leaves."""

_LONGEST: Final = 2_000
"""Characters of a question that are recorded."""


async def record(request: web.Request, status: int) -> None:
    """Note the access; the answer must not leave before. Nothing is noted where it was already, or need not be.

    Raises:
        ProblemError: what the store raises.
    """
    identity = request.get(WHO)
    if identity is None:
        return
    entry: dict[str, Any] = {
        "who": clean(identity.name),
        "role": identity.role,
        "address": request.remote or "",
        "question": clean(f"{request.method} {request.path_qs}")[:_LONGEST],
        "status": status,
        **request.get(ASKED, {}),
    }
    if ROWS in request:
        entry["rows"] = request[ROWS]
    await request.app[ACCESS_LOG].record(entry)
    del request[WHO]
