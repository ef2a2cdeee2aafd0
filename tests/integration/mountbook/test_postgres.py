"""The embedded PostgreSQL: made, kept, recovered, refused."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from mountbook.errors import UserError
from mountbook.local import postgres


def make_directory() -> Path:
    """Make a directory that any user may pass through, with a path short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="mb-"))
    path.chmod(0o755)
    return path


@pytest.fixture
def data() -> Iterator[Path]:
    """A directory with nothing in it."""
    path = make_directory()
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A directory with a PostgreSQL that is stopped, for tests that leave it so."""
    path = make_directory()
    said: list[str] = []
    postgres.start(path, said.append).stop()
    assert len(said) == 1, "making it is said"
    yield path
    shutil.rmtree(path)


@contextmanager
def written(path: Path, text: str) -> Iterator[None]:
    """Have another text in a file for a while."""
    before = path.read_text()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text(before)


def ask(server: postgres.Server, query: str) -> object:
    with psycopg.connect(server.url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def write(server: postgres.Server, statement: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_a_second_start_finds_what_the_first_one_wrote(made: Path) -> None:
    said: list[str] = []
    first = postgres.start(made, said.append)
    write(first, "CREATE TABLE kept AS SELECT 7 AS n")
    first.stop()
    assert first.process.returncode == 0
    second = postgres.start(made, said.append)
    try:
        assert ask(second, "SELECT n FROM kept") == 7
        assert ask(second, "SELECT current_database()") == "mountbook"
    finally:
        second.stop()
    assert not said, "it is not made again"


def test_what_is_committed_survives_a_crash(made: Path) -> None:
    server = postgres.start(made)
    durable = [ask(server, f"SHOW {name}") for name in ("fsync", "full_page_writes", "synchronous_commit")]
    assert durable == ["on", "on", "on"]
    write(server, "CREATE TABLE committed AS SELECT 7 AS n")
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    recovered = postgres.start(made)
    try:
        assert ask(recovered, "SELECT n FROM committed") == 7
    finally:
        recovered.stop()


def test_a_crash_that_leaves_a_busy_process_behind_does_not_prevent_the_start(made: Path) -> None:
    server = postgres.start(made)
    with closing(psycopg.connect(server.url)) as busy:
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000000)")
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        postgres.start(made).stop()


def test_a_server_left_by_a_killed_command_is_stopped_first(made: Path) -> None:
    left = postgres.start(made)
    server = postgres.start(made)
    try:
        assert left.process.wait(10) == 0
        assert ask(server, "SELECT 1") == 1
    finally:
        server.stop()


def test_a_record_whose_number_another_process_has_is_seen_through(made: Path) -> None:
    record = made / "postgres" / "postmaster.pid"
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        record.write_text(f"{other.pid}\n{made}/postgres\n")
        server = postgres.start(made)
        server.stop()
        assert other.poll() is None, "the other process is left alone"
    finally:
        other.communicate(b"\n")


def test_a_directory_too_deep_for_a_socket_is_served_all_the_same(data: Path) -> None:
    deep = data / ("d" * 60) / "with a space, and a comma" / ("e" * 60)
    deep.mkdir(parents=True)
    server = postgres.start(deep)
    try:
        assert ask(server, "SELECT 1") == 1
        assert str(deep) not in server.url
    finally:
        server.stop()


def test_data_of_a_version_that_is_not_here_is_refused_with_a_sentence(made: Path) -> None:
    sentence = r"holds data of PostgreSQL 9, and this machine has .*pg_upgrade"
    with written(made / "postgres" / "PG_VERSION", "9\n"), pytest.raises(UserError, match=sentence):
        postgres.start(made)


def test_a_foreign_directory_in_its_place_is_not_touched(data: Path) -> None:
    (data / "postgres").mkdir()
    (data / "postgres" / "letters").write_text("mine")
    with pytest.raises(UserError, match="is not a PostgreSQL data directory"):
        postgres.start(data)
    assert (data / "postgres" / "letters").read_text() == "mine"


def test_a_server_that_cannot_start_says_why(made: Path) -> None:
    sentence = r"(?s)did not start:.*shared_buffers.*postgres\.log"
    with (
        written(made / "postgres" / "postgresql.conf", "shared_buffers = plenty\n"),
        pytest.raises(UserError, match=sentence),
    ):
        postgres.start(made)


def test_an_interrupted_making_is_begun_again(data: Path) -> None:
    (data / "postgres.unfinished").mkdir()
    (data / "postgres.unfinished" / "PG_VERSION").write_text("18\n")
    server = postgres.start(data)
    try:
        assert ask(server, "SELECT 1") == 1
    finally:
        server.stop()
    assert not (data / "postgres.unfinished").exists()


def test_a_start_that_is_no_longer_wanted_leaves_nothing_running(made: Path) -> None:
    with pytest.raises(UserError, match="no longer wanted"):
        postgres.start(made, wanted=lambda: False)
    assert not (made / "postgres" / "postmaster.pid").exists()
