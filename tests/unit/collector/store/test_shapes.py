"""Shapes: what an entry is found by has its bit, and what nothing has the shape of has none."""

from hypothesis import given
from hypothesis import strategies as st

from collector.lookup import refs
from collector.lookup.paths import normalise
from collector.store import keys, shapes
from protocol.entries import Bind, Container, Entry, Place, ResolvedBy, Role
from tests.unit.protocol.strategies import ENTRIES

NAMES = st.text("0af/:.-_x", max_size=80)
"""Names in which the characters that matter are frequent, long ones too."""
EXACT = [kind for kind in refs.BARE_KINDS if kind not in refs.PREFIX_KINDS]


def container(name: str = "n", **fields: str) -> Container:
    given = {"key": "c" * 64, "mount_id": "d" * 64, **fields}
    return Container(root="/d", name=name, resolved_by=ResolvedBy.LAYERDB, **given)  # type: ignore[arg-type]


def has(entry: Entry, number: int) -> bool:
    written = shapes.written(shapes.of_entry(entry, keys.tokens(entry)))
    return f"{int(written[1:], 16):0{shapes.BITS}b}"[number] == "1"


@given(ENTRIES)
def test_every_place_and_token_that_is_looked_up_has_its_bit(entry: Entry) -> None:
    for place in entry.paths:
        assert has(entry, shapes.of_place(place.path, bind=isinstance(entry, Bind)))
    if isinstance(entry, Container):
        for text in keys.tokens(entry):
            if text.partition(":")[0] in EXACT:
                assert has(entry, shapes.of_token(text))


@given(NAMES, st.data())
def test_every_beginning_of_a_name_may_be_that_of_a_name_with_its_bit(name: str, data: st.DataObject) -> None:
    beginning = name[: data.draw(st.integers(0, len(name)))]
    for kind, field in {"id": "key", "mount-id": "mount_id", "name": "name"}.items():
        entry = container(**{field: name})
        assert any(has(entry, number) for number in shapes.of_beginnings(kind, beginning))


@given(NAMES.filter(bool), st.sampled_from(EXACT))
def test_every_reference_has_a_shape_of_its_kind(value: str, kind: str) -> None:
    number = shapes.of_token(keys.token(kind, value))
    assert all(number != shapes.of_token(keys.token(other, value)) for other in EXACT if other != kind)
    assert 0 <= number < shapes.BITS


@given(st.lists(st.sampled_from(["a", "b"]), min_size=0, max_size=70))
def test_a_path_has_the_depth_of_the_place_that_it_names(parts: list[str]) -> None:
    path = "/" + "/".join(parts)
    assert [shapes.of_place(one) for one in normalise(path).ancestors()] == [
        min(depth, 63) for depth in range(len(parts), -1, -1)
    ]


def test_what_nothing_looks_like_has_no_bit() -> None:
    web = Container(
        root="/d",
        key="c" * 64,
        name="shop_web.1",
        mount_id="d" * 64,
        image="registry.example/shop/web:1",
        resolved_by=ResolvedBy.LAYERDB,
        labels={"com.docker.swarm.service.name": "shop_web"},
        paths=(Place("/var/lib/docker/overlay2/x", Role.WRITABLE),),
    )
    assert has(web, shapes.of_token("service:shop_dbs")), "as long, and a name like that"
    for other in ("service:shop_web2", "service:deadbeef", "service:shop/web", "task:shop_web", "image:shop_web"):
        assert not has(web, shapes.of_token(other)), other
    assert not any(has(web, number) for number in shapes.of_beginnings("name", "c0ffee"))
    assert not any(has(web, number) for number in shapes.of_beginnings("id", "shop"))
    assert not has(web, shapes.of_place("/var/lib/docker"))
    assert not has(web, shapes.of_place("/var/lib/docker/overlay2/x", bind=True))
