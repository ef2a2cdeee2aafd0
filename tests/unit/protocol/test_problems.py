"""Problem documents: every type has a status and a stable name."""

import msgspec
import pytest

from protocol.problems import STATUS, Problem, ProblemType, problem_uri


@pytest.mark.parametrize("kind", ProblemType)
def test_every_type_has_the_status_of_an_error_and_a_name(kind: ProblemType) -> None:
    assert 400 <= STATUS[kind] <= 599
    assert problem_uri(kind) == f"/problems/{kind.value}"


def test_a_problem_sends_only_what_it_has() -> None:
    problem = Problem(type="/problems/not-found", title="Not found", status=404, detail="no container is called x")
    assert msgspec.json.decode(msgspec.json.encode(problem)).keys() == {"type", "title", "status", "detail"}
