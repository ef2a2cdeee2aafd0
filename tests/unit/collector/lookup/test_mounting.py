"""The printed mount command has every layer, in order, in a form that mount(8) takes."""

import shlex
from typing import Any

import pytest

from collector.lookup.mounting import UnmountableError, by_name, mount_command, stands_on_init
from protocol.answers import ContainerRow
from protocol.entries import Container, Layer, PathKind, Place, ResolvedBy, Role

ROOT = "/var/lib/docker"
OWN = "c" * 64


def container(backend: str = "overlay2", **changes: Any) -> ContainerRow:
    directory = f"{ROOT}/{backend}/{OWN}"
    values: dict[str, Any] = {
        "container_id": "a" * 64,
        "root": ROOT,
        "backend": backend,
        "diff_path": f"{directory}/diff",
        "path_kind": PathKind.DIFF,
        "parent_chain_id": "sha256:2",
        "resolved_by": ResolvedBy.LAYERDB,
        "state": "exited",
        "paths": [
            Place(directory, Role.WRITABLE, ("diff", "merged")),
            Place(f"{directory}-init", Role.INIT, ("diff", "merged")),
            Place(f"{ROOT}/{backend}/l/OWN", Role.LINK, (".",)),
        ],
    }
    return ContainerRow(**(values | changes))


def layer(number: int, directory: str = "", *, link: str = "", diff: str = "/diff", backend: str = "overlay2") -> Layer:
    path = f"{ROOT}/{backend}/{directory or f'layer{number}'}"
    links = (Place(f"{ROOT}/{backend}/l/{link}", Role.LINK, (".",)),) if link else ()
    return Layer(
        root=ROOT,
        key=f"sha256:{number}",
        backend=backend,
        parent=f"sha256:{number - 1}" if number > 1 else "",
        diff_path=path + diff,
        path_kind=PathKind.DIFF,
        paths=(Place(path, Role.LAYER, ("diff",)), *links),
    )


def by_chain(*layers: Layer) -> dict[str, Layer]:
    return {one.key: one for one in layers}


def test_overlay2_has_its_own_layer_first_then_init_then_the_image_from_the_top() -> None:
    command = mount_command(container(), by_chain(layer(1), layer(2)))
    below = f"{ROOT}/overlay2"
    assert command.layers == (
        f"{below}/{OWN}/diff",
        f"{below}/{OWN}-init/diff",
        f"{below}/layer2/diff",
        f"{below}/layer1/diff",
    )
    assert command.text.endswith(f"mount -t overlay overlay -o ro,lowerdir={':'.join(command.layers)} /mnt")
    assert command.remarks == ()


def test_options_beyond_what_fsconfig_takes_ask_for_the_classic_call() -> None:
    short = container(diff_path="/d/own", paths=[])
    assert mount_command(short, by_chain(layer(1), layer(2))).text.startswith("mount -t overlay")
    long = mount_command(container(), by_chain(layer(1), layer(2)))
    assert long.text.startswith("LIBMOUNT_FORCE_MOUNT2=always mount -t overlay")


def test_many_layers_are_named_by_their_links_from_their_common_directory() -> None:
    many = [layer(number, f"{number:064x}", link=f"{number:026X}") for number in range(1, 128)]
    command = mount_command(container(parent_chain_id="sha256:127"), by_chain(*many))
    assert command.text.startswith(f"(cd {ROOT}/overlay2 && LIBMOUNT_FORCE_MOUNT2=always mount -t overlay overlay -o ")
    option = next(word for word in shlex.split(command.text) if "lowerdir=" in word)
    lower = option.partition("lowerdir=")[2].split(":")
    assert lower[:2] == [f"{OWN}/diff", f"{OWN}-init/diff"]
    assert lower[2:] == [f"l/{number:026X}" for number in range(127, 0, -1)]
    assert len(option) < 4096
    assert len(command.layers) == 129


def test_many_layers_without_links_get_some() -> None:
    many = [layer(number, f"{number:064x}") for number in range(1, 128)]
    command = mount_command(container(parent_chain_id="sha256:127"), by_chain(*many))
    assert f'ln -s {ROOT}/overlay2/{OWN}/diff "$d/0"' in command.text
    assert command.text.count("ln -s ") == 129
    assert f"lowerdir={':'.join(map(str, range(129)))} /mnt)" in command.text
    assert command.remarks


@pytest.mark.parametrize("odd", ["/srv/a:b", "/srv/a,b", "/srv/a\\b", "/srv/a b", "/srv/a'b", "/srv/a\nb", "/srv/ä"])
def test_a_data_root_with_an_odd_name_stays_out_of_the_options(odd: str) -> None:
    own = f"{odd}/overlay2/{OWN}/diff"
    below = Layer(root=odd, key="sha256:2", backend="overlay2", diff_path=f"{odd}/overlay2/x/diff")
    command = mount_command(container(diff_path=own, paths=[]), by_chain(below))
    words = shlex.split(command.text.removeprefix("(").removesuffix(")"))
    assert words[:2] == ["cd", f"{odd}/overlay2"]
    assert f"ro,lowerdir={OWN}/diff:x/diff" in words
    assert command.layers == (own, f"{odd}/overlay2/x/diff")


def test_a_directory_with_an_odd_name_of_its_own_is_reached_through_a_link() -> None:
    odd = layer(2, "a:b")
    command = mount_command(container(parent_chain_id="sha256:2"), by_chain(layer(1), odd))
    assert f"ln -s {ROOT}/overlay2/a:b/diff" in command.text
    assert "lowerdir=0:1:2:3 " in command.text


def test_a_container_with_one_directory_only_is_bound() -> None:
    command = mount_command(container(parent_chain_id=None, paths=[]), {})
    assert command.text == f"mount --bind -o ro {ROOT}/overlay2/{OWN}/diff /mnt"


def test_overlay_needs_only_the_whole_tree_of_the_uppermost_layer() -> None:
    own = f"{ROOT}/overlay/{OWN}/upper"
    layers = by_chain(*(layer(n, diff="/root", backend="overlay") for n in (1, 2)))
    command = mount_command(container("overlay", diff_path=own), layers)
    assert command.layers == (own, f"{ROOT}/overlay/layer2/root")
    assert f"lowerdir={own}:{ROOT}/overlay/layer2/root /mnt" in command.text


def test_aufs_has_a_branch_for_every_layer() -> None:
    own = f"{ROOT}/aufs/diff/{OWN}"
    paths = [Place(own, Role.WRITABLE, (".",)), Place(f"{own}-init", Role.INIT, (".",))]
    layers = by_chain(*(layer(n, diff="", backend="aufs/diff") for n in (1, 2)))
    command = mount_command(container("aufs", diff_path=own, paths=paths), layers)
    assert command.text == (
        f"mount -t aufs -o ro,br:{own}=ro+wh:{own}-init=ro+wh:{ROOT}/aufs/diff/layer2=ro+wh:"
        f"{ROOT}/aufs/diff/layer1=ro+wh none /mnt"
    )


def test_many_branches_of_aufs_are_added_one_by_one() -> None:
    own = f"{ROOT}/aufs/diff/{OWN}"
    many = [layer(number, f"{number:064x}", diff="", backend="aufs/diff") for number in range(1, 128)]
    command = mount_command(container("aufs", diff_path=own, paths=[], parent_chain_id="sha256:127"), by_chain(*many))
    assert command.text.count("mount -o remount,append:") == 127
    assert all(len(part) < 4096 for part in command.text.split(" && "))


@pytest.mark.parametrize(
    ("backend", "kind", "path", "expected"),
    [
        ("vfs", PathKind.FULL_VIEW, "/d/vfs/dir/x", "mount --bind -o ro /d/vfs/dir/x /mnt"),
        ("native", PathKind.FULL_VIEW, "/c/snapshots/7", "mount --bind -o ro /c/snapshots/7 /mnt"),
        ("btrfs", PathKind.FULL_VIEW, "/d/it's", "mount --bind -o ro '/d/it'\"'\"'s' /mnt"),
        ("zfs", PathKind.DATASET, "tank/docker/x", "mount -t zfs -o ro tank/docker/x /mnt"),
        ("devicemapper", PathKind.BLOCK_DEVICE, "/dev/mapper/x", "mount -o ro,noload /dev/mapper/x /mnt"),
        ("blockfile", PathKind.BLOCK_DEVICE, "/c/snapshots/7", "mount -o ro,loop,noload /c/snapshots/7 /mnt"),
    ],
)
def test_other_backends_need_no_chain(backend: str, kind: PathKind, path: str, expected: str) -> None:
    command = mount_command(container(backend, diff_path=path, path_kind=kind), {})
    assert command.text == expected
    assert command.layers == (path,)


@pytest.mark.parametrize(
    ("changes", "layers", "word"),
    [
        ({"diff_path": None, "reason": "gone"}, (), "not known: gone"),
        ({}, (2,), "sha256:1 below sha256:2 is not in the register"),
        ({}, (1,), "sha256:2 below the container is not in the register"),
        ({"parent_chain_id": None, "resolved_by": ResolvedBy.INSPECT}, (), "found by inspect"),
        ({"backend": "erofs"}, (), "erofs"),
    ],
)
def test_what_cannot_be_mounted_says_why(changes: dict[str, Any], layers: tuple[int, ...], word: str) -> None:
    with pytest.raises(UnmountableError, match=word):
        mount_command(container(**changes), by_chain(*map(layer, layers)))


def test_a_chain_that_leads_back_to_itself_is_damage() -> None:
    one, two = layer(1), layer(2)
    circle = {**by_chain(two), "sha256:1": Layer(root=ROOT, key="sha256:1", parent="sha256:2", diff_path=one.diff_path)}
    with pytest.raises(UnmountableError, match="damaged"):
        mount_command(container(), circle)


def test_a_running_container_comes_with_a_remark() -> None:
    command = mount_command(container(state="running"), by_chain(layer(1), layer(2)))
    assert "running" in command.remarks[-1]


def test_fuse_overlayfs_is_mounted_by_itself_because_nobody_else_knows_its_whiteouts() -> None:
    layers = by_chain(*(layer(n, backend="fuse-overlayfs") for n in (1, 2)))
    command = mount_command(container("fuse-overlayfs"), layers)
    assert command.text == f"fuse-overlayfs -o ro,lowerdir={':'.join(command.layers)} /mnt"
    assert len(command.layers) == 4


def test_a_committed_layer_of_the_image_store_stands_on_the_init_snapshot_of_its_container() -> None:
    snapshots = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots"

    def snapshot(key: str, number: int, parent: str) -> Layer:
        return Layer(root=ROOT, key=key, backend="overlayfs", parent=parent, diff_path=f"{snapshots}/{number}/fs")

    base, top = snapshot("sha256:1", 1, ""), snapshot("sha256:2", 9, "overlayfs/4")
    source = Container(
        root=ROOT,
        key="b" * 64,
        backend="overlayfs",
        init_id="4",
        parent_chain_id="sha256:1",
        paths=(Place(f"{snapshots}/4", Role.INIT, ("fs",)),),
    )
    assert stands_on_init(by_name([base, top], ())) == {"4"}
    row = container("overlayfs", diff_path=f"{snapshots}/10/fs", paths=[], resolved_by=ResolvedBy.SNAPSHOT_DB)
    command = mount_command(row, by_name([base, top], [source]))
    assert command.layers == tuple(f"{snapshots}/{number}/fs" for number in (10, 9, 4, 1))
    with pytest.raises(UnmountableError, match="overlayfs/4 below sha256:2"):
        mount_command(row, by_name([base, top], ()))


def test_layers_that_two_backends_hold_are_found_by_their_chain() -> None:
    both = Layer(root=ROOT, key="overlay2/sha256:1", diff_path="/x")
    assert by_name([both], ())["sha256:1"] is both
