"""The yardstick of S7: an aiohttp server whose one handler decodes a heartbeat and encodes its answer, and no more."""

import sys

import msgspec
from aiohttp import web

from protocol.messages import API, Heartbeat, HeartbeatReply

_DECODER = msgspec.json.Decoder(Heartbeat)
_ENCODER = msgspec.json.Encoder()


async def heartbeat(request: web.Request) -> web.Response:
    """Answer a heartbeat."""
    message = _DECODER.decode(await request.read())
    answer = HeartbeatReply(action="ok", server_time=message.clock)
    return web.Response(body=_ENCODER.encode(answer), content_type="application/json")


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post(f"{API}/heartbeat", heartbeat)
    # Connections wait for it as they do for the collector: what is compared is not who is let in sooner.
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, backlog=4096)
