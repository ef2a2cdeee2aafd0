"""Query parameters: read into the struct that also describes them in ``/openapi.json``."""

from functools import cache
from typing import Annotated, Any, TypeVar, get_origin, get_type_hints

import msgspec
from aiohttp import web
from msgspec import Meta

from collector.errors import ProblemError
from collector.http.bodies import split_message
from protocol.problems import ProblemType
from protocol.text import clean

Ref = Annotated[str, Meta(description="What is looked for: `service:web`, a bare name or ID, or `label=value`.")]
Node = Annotated[str, Meta(description="Only this node: its ID, a prefix that no other node has, or its hostname.")]
At = Annotated[
    str,
    Meta(description="How it was then: RFC 3339 with a zone, a Unix time, or a length of time before now (`1h30m`)."),
]
Limit = Annotated[int, Meta(ge=1, le=1000, description="Most items on a page.")]
Cursor = Annotated[str, Meta(description="`next` of the page before.", max_length=4096)]

DEFAULT_LIMIT = 100


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """Base of every resource's parameters."""


Q = TypeVar("Q", bound=Query)


@cache
def repeatable(shape: type[Query]) -> frozenset[str]:
    """Return the names, as sent, of the parameters that may be given more than once."""
    hints = get_type_hints(shape)
    return frozenset(
        field.encode_name for field in msgspec.structs.fields(shape) if get_origin(hints[field.name]) is tuple
    )


def read(request: web.Request, shape: type[Q]) -> Q:
    """Return the request's parameters.

    Raises:
        ProblemError: ``bad-request``, one is unknown, missing, given twice, or not of its type; the message names it.
    """
    several = repeatable(shape)
    values: dict[str, Any] = {}
    for name in request.query:
        given = request.query.getall(name)
        if name in several:
            values[name] = given
        elif len(given) > 1:
            raise ProblemError(
                ProblemType.BAD_REQUEST, f"the parameter {name!r} is given {len(given)} times; give it once", field=name
            )
        else:
            values[name] = given[0]
        if any(clean(value) != value for value in given):
            raise ProblemError(
                ProblemType.BAD_REQUEST, f"the parameter {name!r} holds a NUL or half a surrogate pair", field=name
            )
    try:
        return msgspec.convert(values, shape, strict=False)
    except msgspec.ValidationError as exc:
        message, place = split_message(str(exc))
        known = ", ".join(field.encode_name for field in msgspec.structs.fields(shape)) or "none"
        field = place.removeprefix("$").removeprefix(".")
        subject = f"the parameter {field!r}: " if field else ""
        raise ProblemError(
            ProblemType.BAD_REQUEST, f"{subject}{message} (parameters here: {known})", field=field
        ) from exc
