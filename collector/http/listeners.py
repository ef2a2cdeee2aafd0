"""Who listens to ``events``: counted, and ended when the collector stops."""

import asyncio

from aiohttp import web


class Listeners:
    """Who listens; ``stopping`` ends them."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.number = 0

    async def end(self, _app: web.Application) -> None:
        """End them all."""
        self.stopping.set()
