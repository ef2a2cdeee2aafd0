import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench import load
from bench.load import Fixed, Settled


@asynccontextmanager
async def server(answer: bytes) -> AsyncIterator[str]:
    """Answer every request of 2 bytes with these bytes, cut in two."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(2) == b"{}"
                writer.write(answer[:7])
                await writer.drain()
                await asyncio.sleep(0)
                writer.write(answer[7:])
        except asyncio.IncompleteReadError:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


REQUEST = load.post("/x", "token", b"{}")


async def test_every_lane_is_worked_off() -> None:
    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nok") as url:
        lanes = [iter([Fixed(REQUEST)] * count) for count in (1, 2, 3)]
        assert await load.run(url, lanes) == 6


async def test_an_answer_that_is_none_ends_it() -> None:
    async with server(b"HTTP/1.1 503 Busy\r\ncontent-length: 5\r\n\r\nlater") as url:
        with pytest.raises(RuntimeError, match="status 503: later"):
            await load.run(url, [iter([Fixed(REQUEST)])])


async def test_an_answer_is_looked_at_when_it_is_settled() -> None:
    async with server(b"HTTP/1.1 503 Busy\r\ncontent-length: 5\r\n\r\nlater") as url:
        job = Settled(Fixed(REQUEST))
        assert await load.run(url, [iter([job])]) == 1
    with pytest.raises(RuntimeError, match="status 503: later"):
        job.settle()
    Settled(Fixed(REQUEST)).settle()  # no answer came
