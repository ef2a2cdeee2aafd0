import pytest

from collector.errors import ProblemError
from collector.lookup.filters import Filters, parse
from protocol.entries import Kind


def test_the_same_key_again_means_or_and_labels_always_and() -> None:
    parsed = parse(Kind.CONTAINER, ["service=a", "service=b", "label=x", "label=y=1", "state=exited", "state=dead"])
    assert parsed == Filters(
        tokens=((("service", "a"), ("service", "b")), (("label", "x"),), (("label", "y=1"),)),
        fields={"state": ("exited", "dead")},
    )


def test_a_node_is_one() -> None:
    assert parse(Kind.IMAGE, ["node=n1"], "n1").node == "n1"
    with pytest.raises(ProblemError, match="one node at a time: n1, n2"):
        parse(Kind.IMAGE, ["node=n1"], "n2")


@pytest.mark.parametrize(
    ("kind", "text", "complaint"),
    [
        (Kind.CONTAINER, "state", "write KEY=VALUE"),
        (Kind.CONTAINER, "state=", "write KEY=VALUE"),
        (Kind.CONTAINER, "use=orphan", "there is no filter 'use' for containers; the filters are backend, bind, chain"),
        (Kind.LAYER, "use=nonsense", "the values are image, build-cache"),
        (Kind.LAYER, "state=running", "for layers"),
        (Kind.CONTAINER, "exit-code=x", "a number"),
        (Kind.CONTAINER, "ghost=perhaps", "true or false"),
    ],
)
def test_a_bad_filter_says_what_is_possible(kind: Kind, text: str, complaint: str) -> None:
    with pytest.raises(ProblemError, match=complaint) as caught:
        parse(kind, [text])
    assert caught.value.field == "filter"


def test_dockers_words_are_understood() -> None:
    assert parse(Kind.CONTAINER, ["status=exited", "exited=007"]).fields == {"state": ("exited",), "exit_code": ("7",)}
    assert parse(Kind.CONTAINER, ["ghost=1"]).fields == {"ghost": ("true",)}
