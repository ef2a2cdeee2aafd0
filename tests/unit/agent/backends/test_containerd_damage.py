"""The containerd image store: damaged databases and records that contradict each other are named, never believed."""

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.backends import containerd_roots
from agent.backends.base import DataRoot, Problems
from agent.backends.containerd_db import ACTIVE, uvarint
from agent.backends.mountinfo import MountTable
from protocol.entries import Kind, ResolvedBy
from tests.unit.agent.backends.bolt_writer import Style, meta_page
from tests.unit.agent.backends.image_store import ImageStore
from tests.unit.agent.backends.stored import HOST, LATER, ONE, THREE, TWO, filled, readers, resolved


def spoil_number(store: ImageStore) -> None:
    store.numbers[store.name(ONE)]["id"] = store.numbers[store.name(TWO)]["id"]


def spoil_far_number(store: ImageStore) -> None:
    store.numbers[store.name(ONE)]["id"] = b"\xff\x7f"


def spoil_no_number(store: ImageStore) -> None:
    store.numbers[store.name(ONE)]["id"] = b"\x80"


def spoil_kind(store: ImageStore) -> None:
    store.numbers[store.name(ONE)]["kind"] = b"\x03"


def spoil_name(store: ImageStore) -> None:
    store.names[ONE]["name"] = store.names[TWO]["name"]


def spoil_parent_key(store: ImageStore) -> None:
    store.names[ONE]["parent"] = f"{TWO}-init".encode()


def spoil_parent_name(store: ImageStore) -> None:
    store.numbers[store.name(ONE)]["parent"] = store.name(f"{TWO}-init").encode()


def spoil_link(store: ImageStore) -> None:
    store.links = {link: name for link, name in store.links.items() if name != store.name(ONE).encode()}


def spoil_init(store: ImageStore) -> None:
    del store.names[f"{ONE}-init"]


def spoil_record(store: ImageStore) -> None:
    del store.numbers[store.name(f"{ONE}-init")]


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_number,
        spoil_far_number,
        spoil_no_number,
        spoil_kind,
        spoil_name,
        spoil_parent_key,
        spoil_parent_name,
        spoil_link,
        spoil_init,
        spoil_record,
    ],
)
def test_records_that_contradict_each_other_are_unresolved_with_a_reason(tmp_path: Path, spoil: object) -> None:
    store = filled(tmp_path)
    store.write()
    assert callable(spoil)
    spoil(store)
    store.write_databases()
    found = resolved(store, ONE)
    assert found.resolved_by == ResolvedBy.UNRESOLVED
    assert found.diff_path is None
    assert found.reason
    assert resolved(store, THREE).resolved_by == ResolvedBy.SNAPSHOT_DB


def test_a_directory_that_is_gone_is_a_reason(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.write()
    (store.home / "snapshots" / store.number(ONE) / "fs").rmdir()
    (store.home / "snapshots" / store.number(ONE)).rmdir()
    found = resolved(store, ONE)
    assert (found.resolved_by, found.diff_path) == (ResolvedBy.UNRESOLVED, None)
    assert "is gone" in found.reason


# Whose the rest is.


@pytest.mark.parametrize("file", ["meta", "metadata"])
@pytest.mark.parametrize(
    ("data", "what"),
    [
        (None, "is missing"),
        (b"", "is empty"),
        (b"\0" * 5000, "no bbolt database"),
        (meta_page(0, 4096, 3, 90, 1).ljust(8192, b"\0"), "is truncated"),
        (meta_page(0, 4096, 3, 4, 1, version=3).ljust(16384, b"\0"), "format version 3"),
    ],
)
def test_a_database_that_cannot_be_used_is_a_problem_and_removes_nothing(
    tmp_path: Path, file: str, data: bytes | None, what: str
) -> None:
    store = filled(tmp_path)
    store.write()
    database = store.meta if file == "meta" else store.home / "metadata.db"
    database.unlink()
    if data is not None:
        database.write_bytes(data)
    problems = Problems()
    root = DataRoot(str(tmp_path), HOST)
    found = containerd_roots.readers(root, problems, MountTable(), LATER, driver="overlayfs")
    if file == "meta" and data is None:
        assert found == []
        return
    assert [one.resolve(ONE) for one in found] != []
    (one,) = found
    resolution = one.resolve(ONE)
    assert resolution is not None
    assert what in resolution.reason
    assert list(one.layers()) == []
    assert one.problems.incomplete >= {Kind.CONTAINER, Kind.LAYER}
    assert any(what in sentence for sentence in one.problems.sentences)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1 << 32).map(random.Random),
    st.sampled_from((Style(page_size=1024), Style(), Style(page_size=1024, fill=0.2, inline=False))),
)
def test_damaged_databases_give_the_right_answer_or_none(dice: random.Random, style: Style) -> None:
    """Any answer that is given is the true one; and nothing that an image or container needs is called an orphan."""
    with tempfile.TemporaryDirectory() as folder:
        store = filled(Path(folder))
        store.cache("abcdefghijklmnopqrstuvwxy")
        store.write(style)
        truth = {container: resolved(store, container) for container in (ONE, TWO, THREE)}
        for path in (store.meta, store.home / "metadata.db"):
            file = bytearray(path.read_bytes())
            for _ in range(dice.randint(0, 4)):
                at = dice.randrange(len(file))
                # Half of the time where structure is: at the beginning of a page.
                at = at if dice.random() < 0.5 else at // style.page_size * style.page_size + dice.randrange(200)
                file[at % len(file)] = dice.choice((0, 1, 2, 0xFF, dice.randrange(256)))
            path.write_bytes(file)
        for one in readers(store, driver="overlayfs"):
            for container in {*one.container_ids(), *truth} & truth.keys():
                found = one.resolve(container)
                if found is not None and found.resolved_by != ResolvedBy.UNRESOLVED:
                    assert (found.mount_id, found.diff_path) == (truth[container].mount_id, truth[container].diff_path)
                    assert found.init_id in {truth[container].init_id, None}
                elif found is not None:
                    assert found.reason
            list(one.layers())
            list(one.images())


def test_numbers_are_read_as_go_writes_them() -> None:
    for number, raw in ((0, b"\x00"), (1, b"\x01"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")):
        assert uvarint(raw) == number
    for raw in (b"", b"\x80", b"\x01\x02", b"\x80" * 10 + b"\x01"):
        assert uvarint(raw) is None
    assert ACTIVE == b"\x02"
