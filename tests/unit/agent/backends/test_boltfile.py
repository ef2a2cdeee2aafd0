"""Databases that their owner has open: a copy counts only if no transaction came between."""

import fcntl
import os
import re
from pathlib import Path

import pytest

from agent.backends.bbolt import Bolt
from agent.backends.boltfile import ATTEMPTS, read
from agent.backends.boltmeta import BoltError
from tests.unit.agent.backends.bolt_writer import Style, Tree, tree, write


def value(bolt: Bolt) -> bytes | None:
    return bolt.root.get(b"key")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "meta.db"
    path.write_bytes(write(tree({"key": b"first"}), txid=7))
    return path


def test_a_database_that_its_owner_has_locked_is_read(database: Path) -> None:
    with database.open("rb+") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        with database.open("rb") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        assert read(str(database), value) == b"first"


def test_what_was_read_before_a_transaction_is_read_again(database: Path) -> None:
    calls: list[object] = []

    def extract(bolt: Bolt) -> bytes | None:
        found = value(bolt)
        if not calls:
            database.write_bytes(write(tree({"key": b"second"}), txid=8))
        calls.append(found)
        return found

    assert read(str(database), extract) == b"second"
    assert calls == [b"first", b"second"]


def test_a_transaction_in_the_middle_of_a_bucket_is_noticed_before_the_bucket_is_used(database: Path) -> None:
    many = {b"%04d" % number: b"old" for number in range(1000)}
    database.write_bytes(write(Tree({b"many": Tree(many)}), Style(page_size=1024), txid=7))
    seen: list[int] = []

    def extract(bolt: Bolt) -> set[bytes]:
        bucket = bolt.bucket(b"many")
        assert bucket is not None
        if not seen:
            new = dict.fromkeys(many, b"new")
            database.write_bytes(write(Tree({b"many": Tree(new)}), Style(page_size=1024), txid=8))
        seen.append(bolt.txid)
        return {content for _, content in bucket.items()}

    assert read(str(database), extract) == {b"new"}
    assert seen == [7, 8]


def test_pages_that_are_damaged_only_because_they_are_being_rewritten_are_no_problem(database: Path) -> None:
    good = database.read_bytes()
    attempts = []

    def extract(bolt: Bolt) -> bytes | None:
        attempts.append(bolt.txid)
        if len(attempts) == 1:
            database.write_bytes(write(tree({"key": b"x"}), txid=8)[: 3 * 4096] + b"\xff" * 4096)
        elif len(attempts) == 2:
            database.write_bytes(good)
            raise BoltError("page 3 is half of the one and half of the other")
        return value(bolt)

    assert read(str(database), extract) == b"first"
    assert attempts == [7, 8, 7]


def test_a_database_that_never_rests_is_a_problem(database: Path) -> None:
    transactions = []

    def extract(bolt: Bolt) -> bytes | None:
        transactions.append(bolt.txid)
        database.write_bytes(write(tree({"key": b"more"}), txid=bolt.txid + 1))
        return value(bolt)

    with pytest.raises(BoltError, match=f"during each of {ATTEMPTS} attempts"):
        read(str(database), extract)
    assert len(transactions) == ATTEMPTS


def test_damage_in_a_database_at_rest_is_reported_at_once(database: Path) -> None:
    file = bytearray(database.read_bytes())
    file[3 * 4096] = 9
    database.write_bytes(file)
    calls: list[object] = []

    def extract(bolt: Bolt) -> bytes | None:
        calls.append(bolt)
        return value(bolt)

    with pytest.raises(BoltError, match="page 3 says that it is page 9"):
        read(str(database), extract)
    assert len(calls) == 1


def test_no_file_is_told_apart_from_a_bad_one(tmp_path: Path, database: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(str(tmp_path / "none.db"), value)
    (tmp_path / "link.db").symlink_to(database)
    os.mkfifo(tmp_path / "fifo.db")
    (tmp_path / "empty.db").touch()
    for name, what in (("link.db", "cannot be opened"), ("fifo.db", "no regular file"), ("empty.db", "is empty")):
        with pytest.raises(BoltError, match=what):
            read(str(tmp_path / name), value)
    with pytest.raises(BoltError, match=re.escape("no regular file")):
        read(str(tmp_path), value)
