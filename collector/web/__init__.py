"""The pages for people: ``/`` and ``/docs``. Everything they need comes from here, nothing from other hosts."""

from pathlib import Path
from typing import Any, Final

import jinja2
from aiohttp import web

from protocol.version import RELEASE

DOCUMENT: Final = web.AppKey("openapi_document", dict[str, Any])
"""The OpenAPI document that ``/docs`` shows; ``collector.app`` puts it there."""

_STATIC: Final = Path(__file__).with_name("static")
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.PackageLoader("collector.web"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def setup(app: web.Application) -> None:
    """Add the pages to an application that has ``DOCUMENT``."""
    app.router.add_get("/", _index)
    app.router.add_get("/docs", _docs)
    app.router.add_static("/static", _STATIC)


async def _index(request: web.Request) -> web.Response:
    return _page("index.html", document=request.app[DOCUMENT])


async def _docs(request: web.Request) -> web.Response:
    return _page("docs.html", document=request.app[DOCUMENT])


def _page(template: str, **values: Any) -> web.Response:
    text = _TEMPLATES.get_template(template).render(release=RELEASE, type_name=type_name, **values)
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)


def type_name(schema: dict[str, Any]) -> str:
    """Return a JSON Schema in a few words: ``list of ContainerRow``, ``string or null``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(type_name(part) for part in schema[several]))
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        parts = schema.get("items") or schema.get("prefixItems")
        return f"list of {type_name(parts)}" if isinstance(parts, dict) and parts else "list"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"map of {type_name(schema['additionalProperties'])}"
    return str(kind)
