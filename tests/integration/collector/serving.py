"""A collector that serves, on a free port of this machine, for as long as a test takes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp

from collector.app import serve
from collector.config import Config


@asynccontextmanager
async def collector(config: Config) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve, and give a session whose paths are the collector's."""
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(replace(config, port=0), started=address.set_result))
    try:
        serving.add_done_callback(lambda _: address.done() or address.cancel())
        try:
            await asyncio.shield(address)
        except asyncio.CancelledError:
            await serving  # why it did not start
            raise
        async with aiohttp.ClientSession(address.result()) as session:
            yield session
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
