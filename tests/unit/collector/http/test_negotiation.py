import pytest
from aiohttp.test_utils import make_mocked_request

from collector.http.negotiation import JSON, NDJSON, TEXT, preferred


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("text/plain", TEXT),
        ("TEXT/PLAIN; charset=utf-8", TEXT),
        ("application/x-ndjson", NDJSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", JSON),
        ("application/json;q=0.5, text/plain", TEXT),
        ("text/plain;q=0.1, application/*", JSON),
        ("text/plain;q=0", JSON),
        ("text/plain;q=nonsense", JSON),
        ("image/png", JSON),
        ("", JSON),
    ],
)
def test_json_unless_another_type_is_asked_for_by_name(accept: str | None, chosen: str) -> None:
    request = make_mocked_request("GET", "/", headers={} if accept is None else {"Accept": accept})
    assert preferred(request, (JSON, NDJSON, TEXT)) == chosen
