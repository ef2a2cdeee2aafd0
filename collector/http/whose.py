"""``GET`` and ``POST whose``: who owns a path."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from collector.errors import ProblemError
from collector.http import answers, bodies, params
from collector.http.access import ASKED, ROWS
from collector.http.negotiation import JSON, TEXT, preferred
from collector.http.params import At, Node, Query
from collector.http.routes import Access, Route
from collector.http.state import CONFIG, DATABASE, PRESENT
from collector.lookup.scope import scoped
from collector.lookup.whose import MAX_PATHS, nobody, whose
from protocol.answers import Bounds, Owner, WhoseAnswer
from protocol.messages import API
from protocol.problems import ProblemType
from protocol.text import clean

_PATH = "A host path at any depth, `overlay2/l/XXXX`, a bare directory ID, or a dataset."
_TEXT = (
    "As `text/plain`: path, node, kind, role, key, path inside (`-`: none) and the sentence, divided by tabs, one owner"
    " a line; a path that nobody owns has `-` there, and at the end who owned it last, if anybody did; then the"
    " coverage behind `#`."
)


class WhoseQuery(Query, frozen=True, kw_only=True):
    """Parameters of ``whose``."""

    path: Annotated[tuple[str, ...], Meta(description=f"{_PATH} May be repeated.", min_length=1, max_length=MAX_PATHS)]
    node: Node = ""
    at: At = ""


class WhoseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to a thousand paths in one question."""

    paths: Annotated[list[str], Meta(description=_PATH, min_length=1, max_length=MAX_PATHS)]
    node: Node = ""
    at: At = ""


_RECORDED = 20
"""So many paths of one question go into the access log; of more it has the number."""
_BODY = msgspec.json.Decoder(WhoseBody)


async def _get(request: web.Request) -> web.StreamResponse:
    query = params.read(request, WhoseQuery)
    answer = await _ask(request, query.path, query.node, query.at)
    if len(answer.answers) == 1 and not answer.answers[0].owners and not answer.answers[0].former:
        raise ProblemError(ProblemType.NOT_FOUND, nobody(answer), coverage=answer.coverage)
    return _respond(request, answer)


async def _post(request: web.Request) -> web.StreamResponse:
    params.read(request, Query)
    body = bodies.decode(await bodies.read(request), _BODY)
    asked = [clean(path) for path in body.paths[:_RECORDED]]
    request[ASKED] = {"paths": len(body.paths), "first_paths": asked, "node": clean(body.node), "at": clean(body.at)}
    return _respond(request, await _ask(request, body.paths, body.node, body.at))


async def _ask(request: web.Request, paths: Sequence[str], node: str, at: str) -> WhoseAnswer:
    async with request.app[DATABASE].questions() as conn:
        silent_after, present = request.app[CONFIG].silent_after, request.app[PRESENT]
        return await whose(await scoped(conn, silent_after, node=node, at=at, known=present), paths)


def _respond(request: web.Request, answer: WhoseAnswer) -> web.Response:
    request[ROWS] = sum(len(one.owners) for one in answer.answers)
    if preferred(request, (JSON, TEXT)) == TEXT:
        return answers.text(_lines(answer), answer.coverage)
    return answers.json(answer)


def _lines(answer: WhoseAnswer) -> Iterator[tuple[str, ...]]:
    for one in answer.answers:
        if not one.owners:
            yield (one.path, "-", "-", "-", "-", "-", _last(one.former))
        for owner in one.owners:
            where = owner.hostname or owner.node
            yield (one.path, where, owner.kind, owner.role, owner.key, owner.inside or "-", owner.sentence)


def _last(former: Sequence[Owner]) -> str:
    """Return in words who owned a path last."""
    if not former or not isinstance(former[0].ended, Bounds):
        return "-"
    return f"nobody; until {former[0].ended.before}: {former[0].sentence}"


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/whose",
        handler=_get,
        access=Access.READER,
        tag="look-ups",
        summary="Who owns a path",
        description=(
            "The nearest ancestor that is somebody's own decides, on every node where the path means something. One "
            "path that nobody owns, or ever owned, is a problem `not-found`; `former` says who owned it last.\n\n"
            f"{_TEXT}"
        ),
        query=WhoseQuery,
        answer=WhoseAnswer,
        media=(TEXT,),
        problems=(ProblemType.NOT_FOUND,),
    ),
    Route(
        method="POST",
        path=f"{API}/whose",
        handler=_post,
        access=Access.READER,
        tag="look-ups",
        summary="Who owns each of many paths",
        description=f"One answer for every path, in their order; a path that nobody owns has no owners.\n\n{_TEXT}",
        body=WhoseBody,
        answer=WhoseAnswer,
        media=(TEXT,),
        problems=(ProblemType.TOO_LARGE,),
    ),
)
