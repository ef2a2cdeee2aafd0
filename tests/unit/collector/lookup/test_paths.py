import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import ProblemError
from collector.lookup.paths import MAX_PATH, HostPath, below, inside, join, nearest, normalise
from protocol.entries import Place, Role


@pytest.mark.parametrize(
    ("typed", "regular"),
    [
        ("/var/lib/docker", "/var/lib/docker"),
        ("/var//lib/./docker/", "/var/lib/docker"),
        ("/var/lib/x/../docker", "/var/lib/docker"),
        ("/../../etc", "/etc"),
        ("/", "/"),
        ("3f2a-init", "3f2a-init"),
        ("overlay2/l/ABC/", "overlay2/l/ABC"),
        ("tank/docker/3f2a", "tank/docker/3f2a"),
    ],
)
def test_a_typed_path_is_made_regular(typed: str, regular: str) -> None:
    assert normalise(typed).text == regular


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("", "empty"),
        ("/a\x00b", "NUL"),
        ("/a\udce9", "surrogate"),
        ("/" + "x" * MAX_PATH, "longer than 4096 bytes"),
        ("/" + "é" * (MAX_PATH // 2), "longer than 4096 bytes"),
        ("/" + "a/" * 32768, "longer than 4096 bytes"),
        ("./..", "names no directory"),
    ],
)
def test_what_is_no_path_is_refused_with_the_reason(typed: str, complaint: str) -> None:
    with pytest.raises(ProblemError, match=complaint) as caught:
        normalise(typed)
    assert caught.value.field == "path"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=200))
def test_a_regular_path_stays_as_it_is(text: str) -> None:
    try:
        path = normalise("/" + text)
    except ProblemError:
        return
    assert normalise(path.text) == path
    assert not {"", ".", ".."} & set(path.parts)


def test_ancestors_come_nearest_first_and_end_with_the_root_directory() -> None:
    assert normalise("/a/b/c").ancestors() == ["/a/b/c", "/a/b", "/a", "/"]
    assert normalise("/").ancestors() == ["/"]
    assert normalise("tank/docker/1").ancestors() == ["tank/docker/1", "tank/docker", "tank"]


@pytest.mark.parametrize(
    ("place", "path", "rest"),
    [
        ("/d/overlay2/3f2a", "/d/overlay2/3f2a/diff/etc", "diff/etc"),
        ("/d/overlay2/3f2a", "/d/overlay2/3f2a", ""),
        ("/d/overlay2/3f2a", "/d/overlay2/3f2a-init", None),
        ("/", "/etc/passwd", "etc/passwd"),
        ("/", "/", ""),
        ("/d/overlay2/3f2a", "3f2a/diff/etc", "diff/etc"),
        ("/d/overlay2/l/ABC", "l/ABC/etc", "etc"),
        ("/d/overlay2/l/ABC", "overlay2/l/ABC", ""),
        ("/d/overlay2/l/ABC", "x/l/ABC", None),
        ("tank/docker/3f2a", "tank/docker/3f2a", ""),
    ],
)
def test_the_rest_of_a_path_below_a_place(place: str, path: str, rest: str | None) -> None:
    assert below(place, normalise(path)) == rest


@pytest.mark.parametrize(
    ("rest", "views", "seen"),
    [
        ("diff/etc/nginx", ("diff", "merged"), "/etc/nginx"),
        ("merged/etc", ("diff", "merged"), "/etc"),
        ("diff", ("diff",), "/"),
        ("difference/x", ("diff",), None),
        ("work/x", ("diff", "merged"), None),
        ("", ("diff",), None),
        ("", (".",), "/"),
        ("etc/x", (".",), "/etc/x"),
        ("link", (), None),
    ],
)
def test_a_view_shows_the_path_as_the_container_sees_it(rest: str, views: tuple[str, ...], seen: str | None) -> None:
    assert inside(rest, views) == seen


def test_a_path_in_a_volume_is_joined_to_where_it_is_mounted() -> None:
    assert join("/data", "/db/file") == "/data/db/file"
    assert join("/data/", "/") == "/data/"
    assert join("/", "/x") == "/x"


def test_the_nearest_place_wins() -> None:
    outer = Place("/d/overlay2/m", Role.WRITABLE, ("diff",))
    inner = Place("/d/overlay2/m/merged", Role.MOUNT, (".",))
    assert nearest([outer, inner], HostPath(True, ("d", "overlay2", "m", "merged", "etc"))) == (inner, "etc")
    assert nearest([outer], normalise("/elsewhere")) is None
