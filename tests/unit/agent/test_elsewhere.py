"""Data roots at other places than the usual one."""

import os
from pathlib import Path

import pytest

from agent import elsewhere
from agent.backends.discover import DEFAULT_DATA_ROOT
from agent.elsewhere import SNAP_DATA_ROOT


def data_root(host: Path, path: str) -> str:
    (host / path.lstrip("/") / "containers").mkdir(parents=True)
    return path


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host's root directory with users who have their home directories in several places."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nana:x:1000:1000:Ana,,,:/srv/people/ana:/bin/sh\n"
        "old:x:1001:1001::/home/ben:/bin/sh\nhalf a line\n"
    )
    return tmp_path


def test_the_usual_place_counts_before_a_snaps(host: Path) -> None:
    assert elsewhere.usual_data_root(str(host)) == DEFAULT_DATA_ROOT
    data_root(host, SNAP_DATA_ROOT)
    assert elsewhere.usual_data_root(str(host)) == SNAP_DATA_ROOT
    data_root(host, DEFAULT_DATA_ROOT)
    assert elsewhere.usual_data_root(str(host)) == DEFAULT_DATA_ROOT


def test_data_roots_of_snaps_and_of_every_user_are_found(host: Path) -> None:
    roots = [
        data_root(host, path)
        for path in (
            DEFAULT_DATA_ROOT,
            SNAP_DATA_ROOT,
            "/srv/people/ana/.local/share/docker",
            "/home/ben/.local/share/docker",
            "/home/not-in-passwd/.local/share/docker",
        )
    ]
    (host / "home/nothing/.local/share/docker").mkdir(parents=True)
    assert elsewhere.data_roots(str(host)) == roots


def test_one_directory_under_two_names_is_one_data_root(host: Path) -> None:
    data_root(host, "/srv/docker")
    for link in (DEFAULT_DATA_ROOT, SNAP_DATA_ROOT):
        (host / link[1:]).parent.mkdir(parents=True, exist_ok=True)
        (host / link[1:]).symlink_to("/srv/docker")  # the host's, not this machine's
    assert elsewhere.data_roots(str(host)) == [DEFAULT_DATA_ROOT]


def test_a_host_without_a_user_list_has_its_usual_places(tmp_path: Path) -> None:
    assert elsewhere.data_roots(str(tmp_path)) == []
    data_root(tmp_path, "/home/ana/.local/share/docker")
    assert elsewhere.data_roots(str(tmp_path)) == ["/home/ana/.local/share/docker"]


def test_a_process_that_sees_the_same_mounts_needs_no_looking_through(host: Path) -> None:
    root = f"{host}{data_root(host, '/docker')}"
    assert elsewhere.through(os.getpid(), root) == ""
    assert elsewhere.through(0, root) == ""
    assert elsewhere.through(2**22 + 1, root) == ""
