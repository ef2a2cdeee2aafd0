"""The commands to try next name what is really there."""

from mountbook.local import hints
from protocol.answers import ContainerRow
from protocol.entries import PathKind

TASK_ID = "6udqmbh7wq8vmmrpoa8x2bd5u"
WEB = ContainerRow(
    container_id="a" * 64,
    root="/var/lib/docker",
    name=f"shop_web.1.{TASK_ID}",
    task=f"shop_web.1.{TASK_ID}",
    service="shop_web",
    diff_path="/var/lib/docker/overlay2/1a/diff",
    path_kind=PathKind.DIFF,
)
LONE = ContainerRow(
    container_id="b" * 64,
    root="/var/lib/docker",
    name="it's",
    diff_path="/var/lib/docker/overlay2/2b/diff",
    path_kind=PathKind.DIFF,
)
DATASET = ContainerRow(
    container_id="c" * 64, root="/z", name="z", diff_path="rpool/docker/1", path_kind=PathKind.DATASET
)
DEFAULT = "http://127.0.0.1:8480"


def test_a_task_is_named_as_people_say_it_and_a_path_of_another_container_asked_about() -> None:
    assert hints.lines("mountbook", DEFAULT, [LONE, WEB]) == [
        "mountbook where shop_web.1",
        "mountbook whose /var/lib/docker/overlay2/1a/diff",
        "mountbook ls",
        "mountbook nodes",
    ]


def test_names_are_quoted_for_the_shell() -> None:
    assert hints.lines("mountbook", DEFAULT, [LONE])[0] == """mountbook where 'it'"'"'s'"""


def test_another_port_is_set_first() -> None:
    assert hints.lines("m", "http://127.0.0.1:9000", [])[0] == "export MOUNTBOOK_URL=http://127.0.0.1:9000"


def test_a_dataset_is_no_path_to_ask_about() -> None:
    assert not [line for line in hints.lines("m", DEFAULT, [DATASET]) if "whose" in line]


def test_with_no_container_only_the_lists_are_left() -> None:
    assert hints.lines("m", DEFAULT, []) == ["m ls", "m nodes"]
