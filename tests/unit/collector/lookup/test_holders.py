from collector.lookup.holders import Index, rank
from collector.lookup.paths import normalise
from collector.store.read.found import Found
from protocol.answers import Bounds, NodeRef
from protocol.entries import Bind, Container, Entry, Place, Role

ROOT = "/var/lib/docker"
BEGAN = Bounds(after=None, before="t")


def found(node_id: int, entry: Entry) -> Found:
    return Found(
        (node_id, entry.KIND, entry.key, ""), NodeRef(cluster="c", node=f"n{node_id}", hostname=""), entry, BEGAN, None
    )


def container(key: str, *paths: str) -> Container:
    return Container(root=ROOT, key=key, paths=tuple(Place(path, Role.WRITABLE, ("diff",)) for path in paths))


def bind(source: str) -> Bind:
    return Bind(root=ROOT, key=source, paths=(Place(source, Role.SOURCE, (".",)),))


def ranked(path: str, own: list[Found], binds: list[Found]) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    asked = normalise(path)
    owners, also = rank(asked, Index(own).holders(asked), Index(binds).holders(asked), {1: [ROOT], 2: [ROOT]})
    return (
        [(holder.found.node_id, holder.found.entry.key) for holder in owners],
        [(holder.found.node_id, holder.found.entry.key) for holder in also],
    )


def test_each_entry_holds_a_path_by_its_nearest_place() -> None:
    one = found(1, container("a", "/d/m", "/d/m/merged"))
    (holder,) = Index([one]).holders(normalise("/d/m/merged/etc"))
    assert (holder.place.path, holder.rest) == ("/d/m/merged", "etc")


def test_a_neighbour_whose_name_begins_alike_holds_nothing() -> None:
    assert Index([found(1, container("a", "/d/m"))]).holders(normalise("/d/m-init/x")) == []


def test_the_nearest_owns_on_every_node() -> None:
    own = [found(1, container("outer", "/d")), found(1, container("inner", "/d/m")), found(2, container("other", "/d"))]
    assert ranked("/d/m/x", own, []) == ([(1, "inner"), (2, "other")], [(1, "outer")])


def test_equally_near_ones_own_together() -> None:
    own = [found(1, container("a", "/d/m")), found(1, container("b", "/d/m"))]
    assert ranked("/d/m", own, []) == ([(1, "a"), (1, "b")], [])


def test_a_bind_does_not_own_beside_an_owner() -> None:
    own = [found(1, container("a", "/d/m"))]
    assert ranked("/d/m/sub/x", own, [found(1, bind("/d/m/sub")), found(1, bind("/"))]) == (
        [(1, "a")],
        [(1, "/d/m/sub"), (1, "/")],
    )


def test_on_another_node_a_bind_owns_only_if_it_is_as_near() -> None:
    own = [found(1, container("a", "/srv/app"))]
    assert ranked("/srv/app/x", own, [found(2, bind("/srv/app"))])[0] == [(1, "a"), (2, "/srv/app")]
    assert ranked("/srv/app/x", own, [found(2, bind("/"))]) == ([(1, "a")], [])


def test_the_nearest_bind_owns_what_nothing_else_does() -> None:
    assert ranked("/srv/x", [], [found(1, bind("/srv")), found(1, bind("/"))]) == ([(1, "/srv")], [(1, "/")])


def test_a_bind_above_a_data_root_does_not_own_what_lies_in_it() -> None:
    assert ranked(f"{ROOT}/overlay2/x", [], [found(1, bind("/var/lib"))]) == ([], [(1, "/var/lib")])
    inside = f"{ROOT}/volumes/v/_data"
    assert ranked(f"{inside}/x", [], [found(1, bind(inside))]) == ([(1, inside)], [])
