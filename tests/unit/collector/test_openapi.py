from typing import Any

import pytest

from collector import openapi
from collector.http import table
from collector.http.routes import Access
from collector.web import type_name

DOCUMENT = openapi.document(table.ROUTES)
OPERATIONS = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for operation in OPERATIONS]
    assert len(set(names)) == len(names) == len(table.ROUTES)


def test_parameters_have_types_and_words() -> None:
    parameters = [parameter for operation in OPERATIONS for parameter in operation.get("parameters", ())]
    assert parameters
    assert all(parameter["in"] in ("query", "path") and parameter["schema"] for parameter in parameters)
    assert all(parameter.get("description") for parameter in parameters)


def test_the_parts_of_a_path_that_stand_in_braces_are_parameters() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            within = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
            assert within == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_what_is_guarded_says_so() -> None:
    for route in table.ROUTES:
        operation = DOCUMENT["paths"][route.path][route.method.lower()]
        guarded = route.access is not Access.PUBLIC
        assert bool(operation["security"]) is guarded
        assert ("401" in operation["responses"]) is guarded


def test_a_list_that_streams_describes_its_lines() -> None:
    content = DOCUMENT["paths"]["/api/v1/containers"]["get"]["responses"]["200"]["content"]
    shapes = {part["$ref"].rpartition("/")[2] for part in content["application/x-ndjson"]["schema"]["anyOf"]}
    assert shapes == {"ContainerRow", "StreamEnd"}


def test_a_shape_that_two_routes_use_is_described_once() -> None:
    assert list(DOCUMENT["components"]["schemas"]).count("Coverage") == 1


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "string"),
        ({"$ref": "#/components/schemas/Owner"}, "Owner"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Owner"}}, "list of Owner"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"enum": ["a", "b"]}, "one of a, b"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "map of string"),
        ({}, "anything"),
    ],
)
def test_a_schema_in_a_few_words(schema: dict[str, Any], words: str) -> None:
    assert type_name(schema) == words
