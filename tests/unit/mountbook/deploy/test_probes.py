"""What is learnt of nodes and of this machine without docker."""

import socket

import pytest

from mountbook.deploy.probes import answering, engines_mounts, is_here, is_private

ROOT = "23 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"
SLAVE = "24 23 8:2 / /var/lib rw,relatime master:1 - ext4 /dev/sda2 rw"
PRIVATE = "25 23 8:3 / /var/lib/docker rw,relatime - ext4 /dev/sda3 rw"


def test_who_listens_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert answering(["127.0.0.1", "127.0.0.1", ""], port) == {"127.0.0.1"}
    assert answering(["127.0.0.1"], port) == frozenset()
    assert answering([], port) == frozenset()


def test_an_address_is_this_machines_or_not() -> None:
    assert is_here("127.0.0.1")
    assert not is_here("192.0.2.1")
    assert not is_here("")
    assert not is_here("a name")


@pytest.mark.parametrize(
    ("lines", "path", "private"),
    [
        ((), "/var/lib", False),
        ((ROOT,), "/var/lib", False),
        ((ROOT, SLAVE), "/var/lib", False),
        ((ROOT, PRIVATE), "/var/lib", False),
        ((ROOT, PRIVATE), "/var/lib/docker", True),
        ((ROOT.replace("shared:1 ", ""),), "/srv", True),
    ],
)
def test_a_path_is_as_private_as_the_mount_it_is_on(lines: tuple[str, ...], path: str, private: bool) -> None:
    assert is_private("\n".join(lines), path) is private


def test_without_an_engine_in_sight_nothing_is_said_of_its_mounts() -> None:
    assert isinstance(engines_mounts(), str)
