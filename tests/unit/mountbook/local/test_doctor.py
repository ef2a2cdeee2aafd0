"""Every check says what it found, and what to do when that is a problem."""

from pathlib import Path

import pytest

from mountbook.errors import UserError
from mountbook.local import doctor
from mountbook.local.doctor import Check

CAPABLE = "Name:\tx\nCapEff:\t000001ffffffffff\n"
INCAPABLE = "Name:\tx\nCapEff:\t0000000000000000\n"
MOUNTS = """\
21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 21 8:1 /var/lib /host/var/lib ro,relatime {options}- ext4 /dev/sda1 rw
"""


def words(check: Check) -> str:
    return f"{check.found} {check.advice}"


def test_a_user_who_may_read_everything_is_well() -> None:
    assert doctor.user(0, CAPABLE).status == "ok"
    other = doctor.user(1000, INCAPABLE)
    assert other.status == "problem"
    assert "DAC_READ_SEARCH" in other.advice


@pytest.mark.parametrize(
    ("uid_map", "status"),
    [
        ("         0          0 4294967295\n", "ok"),
        ("         0     100000      65536\n", "problem"),
        ("", "unknown"),
    ],
)
def test_a_user_namespace_is_noticed(uid_map: str, status: str) -> None:
    check = doctor.namespace(uid_map)
    assert check.status == status
    assert ("--userns=host" in check.advice) == (status == "problem")


@pytest.mark.parametrize(("options", "status"), [("master:5 ", "ok"), ("shared:7 ", "ok"), ("", "problem")])
def test_mounts_that_do_not_arrive_here_are_a_problem(options: str, status: str) -> None:
    check = doctor.propagation(MOUNTS.format(options=options), "/host/var/lib/docker", of_host=False)
    assert check.status == status
    assert ("rslave" in check.advice) == (status == "problem")


def test_the_nearest_mount_above_the_data_root_counts() -> None:
    text = MOUNTS.format(options="master:5 ")
    assert doctor.propagation(text, "/host/var/lib", of_host=False).status == "ok"
    assert doctor.propagation(text, "/host/var/library", of_host=False).status == "problem"
    assert doctor.propagation("", "/x", of_host=False).status == "unknown"
    assert doctor.propagation("", "/x", of_host=True).status == "ok"


def test_a_data_root_that_is_not_there_or_empty_is_a_problem(tmp_path: Path) -> None:
    missing = doctor.readable("/var/lib/docker", str(tmp_path / "docker"))
    assert missing.status == "problem"
    assert str(tmp_path / "docker") in missing.found
    assert "MOUNTBOOK_DATA_ROOT" in missing.advice
    assert doctor.readable(str(tmp_path), str(tmp_path)).status == "problem"
    (tmp_path / "containers").mkdir()
    assert doctor.readable(str(tmp_path), str(tmp_path)).status == "ok"


def test_selinux_is_no_problem_where_it_does_not_enforce() -> None:
    assert doctor.selinux("").status == doctor.selinux("0\n").status == "ok"


def test_all_is_examined_even_where_there_is_nothing(tmp_path: Path) -> None:
    def refuse() -> str:
        raise UserError("The collector cannot be reached.\nStart one.")

    socket = f"unix://{tmp_path}/docker.sock"
    examined = doctor.examine(socket, "", str(tmp_path / "nothing"), "", refuse)
    found = {check.name: check for check in examined.checks}
    assert not examined.well
    assert found["engine"].status == found["data root"].status == found["collector"].status == "problem"
    assert str(tmp_path) in found["engine"].found
    assert (found["collector"].found, found["collector"].advice) == ("The collector cannot be reached.", "Start one")
    assert {"user", "user namespace", "mounts", "SELinux", "containers"} <= found.keys()


def test_a_data_root_is_read_without_an_engine(tmp_path: Path) -> None:
    (tmp_path / "containers" / ("a" * 64)).mkdir(parents=True)
    (tmp_path / "image/overlay2/layerdb").mkdir(parents=True)
    examined = doctor.examine(f"unix://{tmp_path}/docker.sock", "", str(tmp_path), "", lambda: "ready")
    found = {check.name: check for check in examined.checks}
    assert found["data root"].status == found["collector"].status == "ok"
    assert found["backends"].found.startswith("overlay2 (graph-driver")
    assert found["containers"].found.startswith("1, 1 unresolved")
