import pytest
from aiohttp.test_utils import make_mocked_request

from collector.errors import ProblemError
from collector.http.params import DEFAULT_LIMIT, Limit, Query, read, repeatable


class Sample(Query, frozen=True, kw_only=True):
    ref: str
    label: tuple[str, ...] = ()
    exit_code: int | None = None
    limit: Limit = DEFAULT_LIMIT


def test_parameters_are_read_into_their_types() -> None:
    request = make_mocked_request("GET", "/x?ref=web&label=a%3D1&label=b&exit-code=-1&limit=7")
    assert read(request, Sample) == Sample(ref="web", label=("a=1", "b"), exit_code=-1, limit=7)
    assert repeatable(Sample) == {"label"}


@pytest.mark.parametrize(
    ("query", "field", "complaint"),
    [
        ("", "", "missing required field `ref`"),
        ("ref=a&ref=b", "ref", "given 2 times"),
        ("ref=a&limit=0", "limit", ">= 1"),
        ("ref=a&limit=1001", "limit", "<= 1000"),
        ("ref=a&limit=many", "limit", "Expected `int`"),
        ("ref=a&lable=x", "", "unknown field `lable`"),
        ("ref=a&exit-code=x", "exit-code", "Expected `int"),
    ],
)
def test_a_bad_parameter_is_named(query: str, field: str, complaint: str) -> None:
    with pytest.raises(ProblemError, match=complaint) as caught:
        read(make_mocked_request("GET", f"/x?{query}"), Sample)
    assert caught.value.field == field
