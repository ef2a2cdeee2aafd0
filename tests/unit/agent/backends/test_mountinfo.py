"""The mount table: as the kernel writes it, escapes included."""

from pathlib import Path

from agent.backends.mountinfo import Mounted, MountTable, read

TABLE = rb"""25 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
67 25 0:39 / /d/rootfs/overlayfs/one rw - overlay none rw,lowerdir=/c/2/fs:/c/1/fs,upperdir=/c/3/fs
68 25 0:40 / /d/rootfs/overlayfs/a\040b\134c rw - overlay none r,lowerdir=/odd\134:name/1:/2,upperdir=/a\040b\054c/3/fs
69 25 254:0 /srv/docker/snapshots/7 /d/rootfs/native/two rw,relatime shared:47 - ext4 /dev/vda rw
70 67 0:5 / /d/rootfs/overlayfs/one/proc rw - proc proc rw
71 25 0:41 / /d rw - zfs tank/docker rw,xattr
72 25 0:42 / /d/rootfs/overlayfs/one rw - overlay overlay rw,lowerdir+=/c/5/fs,lowerdir+=/c/4/fs,upperdir=/c/6/fs
no line of a table
"""


def test_an_overlay_has_its_upper_and_lower_directories() -> None:
    mounted = MountTable(TABLE.replace(b"72 25", b"72")).below("/d/rootfs/overlayfs")["one"]
    assert mounted.upper == "/c/3/fs"
    assert mounted.lower == ("/c/2/fs", "/c/1/fs")


def test_escapes_become_what_they_stand_for() -> None:
    mounted = MountTable(TABLE).below("/d/rootfs/overlayfs")["a b\\c"]
    assert mounted.upper == "/a b,c/3/fs"
    assert mounted.lower == ("/odd:name/1", "/2")


def test_of_two_mounts_on_one_directory_the_later_counts() -> None:
    mounted = MountTable(TABLE).below("/d/rootfs/overlayfs")["one"]
    assert (mounted.upper, mounted.lower) == ("/c/6/fs", ("/c/5/fs", "/c/4/fs"))


def test_what_is_mounted_deeper_is_not_directly_in_the_directory() -> None:
    assert set(MountTable(TABLE).below("/d/rootfs/overlayfs/")) == {"one", "a b\\c"}


def test_a_bind_tells_which_directory_it_shows() -> None:
    mounted = MountTable(TABLE).below("/d/rootfs/native")["two"]
    assert (mounted.root, mounted.kind, mounted.upper) == ("/srv/docker/snapshots/7", "ext4", "")


def test_the_nearest_mount_covers_a_path() -> None:
    table = MountTable(TABLE)
    assert table.covering("/d/zfs/graph") == Mounted("/d", "/", "zfs", "tank/docker")
    root = table.covering("/dlike")
    assert root is not None
    assert root.point == "/"


def test_a_table_of_another_process_knows_no_prefix() -> None:
    table = MountTable(TABLE, "/proc/7/root")
    assert table.below("/proc/7/root/d/rootfs/native")["two"].root == "/srv/docker/snapshots/7"
    assert table.below("/d/rootfs/native") == {}
    assert table.covering("/d") is None


def test_the_real_table_is_read_and_a_missing_one_is_empty(tmp_path: Path) -> None:
    covering = read().covering(str(tmp_path))
    assert covering is not None
    assert read("/proc/4194999/root").covering("/proc/4194999/root/tmp") is None


def test_an_empty_table_knows_nothing() -> None:
    assert MountTable().below("/var") == {}
    assert MountTable().covering("/var") is None
