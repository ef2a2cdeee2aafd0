"""The OpenAPI 3.1 document, made from the route table and the types that the handlers use.

Format: https://spec.openapis.org/oas/v3.1.1 (its schemas are JSON Schema 2020-12, which msgspec writes).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from collector.http.params import Query, repeatable
from collector.http.routes import Access, Route
from protocol.problems import CONTENT_TYPE, STATUS, Problem, ProblemType
from protocol.version import RELEASE

_REF: Final = "#/components/schemas/{name}"
_ALWAYS: Final = (ProblemType.BAD_REQUEST, ProblemType.INTERNAL, ProblemType.UNAVAILABLE)
_GUARDED: Final = (ProblemType.UNAUTHENTICATED, ProblemType.FORBIDDEN)
_ACCESS: Final = {
    Access.PUBLIC: "",
    Access.AGENT: "For agents: the node is that of the token.",
    Access.JOINER: "For agents without a token: the join secret stands in its place.",
    Access.READER: "For the roles operator, auditor and admin.",
    Access.AUDITOR: "For the roles auditor and admin.",
}


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI document of these routes."""
    shapes = [Problem, *(shape for route in routes for shape in (route.body, route.answer, *route.lines) if shape)]
    schemas, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    by_shape = {id(shape): schema for shape, schema in zip(shapes, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_shape)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mountbook collector",
            "version": RELEASE,
            "summary": "Where a container keeps its files, and whose a path is, on every node of a Swarm.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, by_shape: dict[int, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "tags": [route.tag],
        "summary": route.summary,
        "description": "\n\n".join(text for text in (route.description, _ACCESS[route.access]) if text),
        "security": [] if route.access is Access.PUBLIC else [{"token": []}],
        "responses": _responses(route, by_shape),
    }
    parameters = [*_within(route), *(_parameters(route.query) if route.query is not None else ())]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": by_shape[id(route.body)]}},
        }
    return operation


def operation_id(route: Route) -> str:
    """Return a name for the operation that no other has, such as ``get_where``."""
    words = route.path.replace("/api/v1", "").replace(".", "/").replace("{", "").replace("}", "").split("/")
    return "_".join([route.method.lower(), *(word for word in words if word)])


def _within(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "enum": list(values)},
            "description": f"One of {', '.join(values)}.",
        }
        for name, values in route.within.items()
    ]


def _parameters(query: type[Query]) -> list[dict[str, Any]]:
    (schema,), components = msgspec.json.schema_components([query], ref_template=_REF)
    shape = components[schema["$ref"].rpartition("/")[2]]
    several = repeatable(query)
    parameters = []
    for name, given in shape["properties"].items():
        rules = {key: value for key, value in given.items() if key != "description"}
        parameter = {"name": name, "in": "query", "required": name in shape.get("required", ()), "schema": rules}
        if "description" in given:
            parameter["description"] = given["description"]
        if name in several:
            parameter |= {"style": "form", "explode": True}
        parameters.append(parameter)
    return parameters


def _responses(route: Route, by_shape: dict[int, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if route.answer is not None:
        content["application/json"] = {"schema": by_shape[id(route.answer)]}
    if route.lines:
        content["application/x-ndjson"] = {"schema": {"anyOf": [by_shape[id(shape)] for shape in route.lines]}}
    content |= {media: {"schema": {"type": "string"}} for media in route.media}
    responses: dict[str, Any] = {"200": {"description": "Answered.", "content": content}}
    kinds = [*route.problems, *_ALWAYS, *(() if route.access is Access.PUBLIC else _GUARDED)]
    for status in sorted({STATUS[kind] for kind in kinds}):
        names = sorted({kind.value for kind in kinds if STATUS[kind] == status})
        responses[str(status)] = {
            "description": "Problem: " + ", ".join(names) + ".",
            "content": {CONTENT_TYPE: {"schema": by_shape[id(Problem)]}},
        }
    return responses
