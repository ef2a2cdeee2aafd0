"""``POST enroll``: an agent that has the join secret gets a token for its node."""

from typing import Final

import msgspec
from aiohttp import web

from collector import enrolment
from collector.http import answers, bodies
from collector.http.routes import Access, Route
from collector.http.state import CONFIG, DATABASE
from protocol.enrol import Enrol, Enrolled
from protocol.messages import API
from protocol.problems import ProblemType

_ENROL: Final = msgspec.json.Decoder(Enrol)
_MAX_BODY: Final = 8 * 1024


async def _enroll(request: web.Request) -> web.StreamResponse:
    message = bodies.decode(await bodies.read(request, _MAX_BODY), _ENROL)
    config = request.app[CONFIG]
    return answers.json(
        await enrolment.enrol(
            request.app[DATABASE], message, cluster=config.cluster, address=(request.remote or "")[:256]
        )
    )


ROUTES = (
    Route(
        method="POST",
        path=f"{API}/enroll",
        handler=_enroll,
        access=Access.JOINER,
        tag="agents",
        summary="An agent's token becomes the one that speaks for its node",
        description="The same enrolment may be sent again. While the node has another token, an operator has to "
        "approve this one.",
        body=Enrol,
        answer=Enrolled,
        problems=(ProblemType.TOO_LARGE, ProblemType.CONFLICT),
    ),
)
