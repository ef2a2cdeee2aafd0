import pytest

from collector.errors import ProblemError
from collector.lookup.refs import BARE_KINDS, MAX_REF, parse


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("service:web", "service", "web"),
        ("stack:shop", "stack", "shop"),
        ("container:3f2a", "id", "3f2a"),
        ("snapshot-id:37", "mount-id", "37"),
        ("image:nginx:1.27", "image", "nginx:1.27"),
        ("nginx:1.27", None, "nginx:1.27"),
        ("registry.example:5000/web:1", None, "registry.example:5000/web:1"),
        ("sha256:ab", None, "sha256:ab"),
        ("label:tier=front", "label", "tier=front"),
        ("label:tier", "label", "tier"),
        ("com.example.tier=front", "label", "com.example.tier=front"),
        ("  web.1  ", None, "web.1"),
    ],
)
def test_a_reference_is_taken_apart(text: str, kind: str | None, value: str) -> None:
    ref = parse(text)
    assert (ref.kind, ref.value) == (kind, value)


@pytest.mark.parametrize("text", ["", "   ", "service:", "x" * (MAX_REF + 1), "a\x00b"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(ProblemError) as caught:
        parse(text)
    assert caught.value.field == "ref"


def test_a_bare_reference_is_tried_as_every_kind_and_a_prefix_as_few() -> None:
    assert parse("web").exact_kinds == ("id", "name", "task", "service", "stack", "mount-id", "image")
    assert parse("web").prefix_kinds == ("id", "mount-id", "name")
    assert parse("service:web").prefix_kinds == ()
    assert parse("mount-id:3f").prefix_kinds == ("mount-id",)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("38", {"init-id"}),
        ("1f" * 32 + "-init", {"init-id"}),
        ("1f" * 32, {"image-id"}),
        ("sha256:" + "1f" * 32, {"image-id"}),
        ("sha512:" + "1f" * 64, {"image-id"}),
        ("1f" * 6, set()),
        ("init-1", set()),
    ],
)
def test_a_bare_reference_is_only_tried_as_what_it_looks_like(text: str, kinds: set[str]) -> None:
    assert set(parse(text).exact_kinds) & {"init-id", "image-id"} == kinds
    assert set(parse(text).exact_kinds) >= set(BARE_KINDS) - {"init-id", "image-id"}
    assert parse(f"init-id:{text}").exact_kinds == ("init-id",)
