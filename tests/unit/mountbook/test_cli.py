"""The command as a whole: help, errors, and how it behaves as a process."""

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import click
import pytest
from click.testing import CliRunner

from mountbook.cli import SECTIONS, cli
from protocol.version import RELEASE
from tests.unit.mountbook.conftest import Run
from tests.unit.mountbook.fake_collector import LAYER, LOST_ROW, OWNER, WEB_ROW, FakeCollector, Reply, Request

ROOT = Path(__file__).resolve().parents[3]
COMMAND = (sys.executable, "-W", "error", "-m", "mountbook")


def every_command() -> list[tuple[str, ...]]:
    context = click.Context(cli)
    found: list[tuple[str, ...]] = []
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, sub) for sub in command.list_commands(context)]
    return found


@pytest.fixture
def environment(collector: FakeCollector, home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "PYTHONUNBUFFERED")}
    return {**inherited, "MOUNTBOOK_URL": collector.url, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*words, "--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: mountbook {' '.join(words)} ")
    assert len(result.stdout.splitlines()) > 4


def test_help_lists_every_command_in_sections() -> None:
    output = CliRunner().invoke(cli, ["--help"]).stdout
    for title, names in SECTIONS.items():
        assert f"{title}:\n" in output
        for name in names:
            assert re.search(rf"^  {name} +[A-Z]", output, re.MULTILINE), name
    assert "Exit status: 0 found" in output


def test_a_command_that_does_not_exist_suggests_others() -> None:
    result = CliRunner().invoke(cli, ["wher"])
    assert result.exit_code == 2
    assert "There is no command 'wher'. Did you mean where or whose?" in result.stderr


def test_version_names_the_release() -> None:
    result = CliRunner().invoke(cli, ["version"])
    assert result.stdout.startswith(f"Mountbook: {RELEASE}\n")


def test_a_collector_that_is_not_there_is_status_3(run: Run) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        result = run("where", "web", "--url", url)
    assert result.exit_code == 3
    assert result.stderr == (
        f"The collector at {url} cannot be reached: connection refused.\n"
        "Start one on this machine with `mountbook up`, or say where yours is with --url or MOUNTBOOK_URL.\n"
    )


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"<html>please log in</html>", media="text/html"),
        Reply(b"<html>bad gateway</html>", 502, "text/html"),
        Reply(b"{}"),
        Reply(b'{"ref": "web"'),
        Reply(b"\xff\xfe"),
        Reply(b"", 302, "text/html"),
        Reply(b"not a problem", 404, "application/problem+json"),
    ],
    ids=["page", "gateway", "empty", "cut", "bytes", "redirect", "problem"],
)
def test_what_is_no_answer_of_a_collector_is_status_3(run: Run, collector: FakeCollector, reply: Reply) -> None:
    collector.give("/api/v1/where", reply)
    result = run("where", "web")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith(
        f"What answers at {collector.url} does not answer like a Mountbook collector: it sent "
    )


def test_what_speaks_no_http_is_status_3(run: Run) -> None:
    from threading import Thread

    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=answer, args=(server,))
        thread.start()
        result = run("where", "web", "--url", f"http://127.0.0.1:{server.getsockname()[1]}")
        thread.join()
    assert result.exit_code == 3
    assert "something that is not HTTP" in result.stderr


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8480", "ftp://x", "http://", "http://x:99999", "http://u:p@x", "http://x/?a=b"]
)
def test_an_address_that_is_none_is_a_usage_error(run: Run, url: str) -> None:
    result = run("where", "web", "--url", url)
    assert result.exit_code == 2
    assert "write it like http://127.0.0.1:8480" in result.stderr


def test_an_address_may_have_a_path(run: Run, collector: FakeCollector) -> None:
    collector.where(WEB_ROW)
    collector.answers["/book/api/v1/where"] = collector.answers["/api/v1/where"]
    assert run("where", "web", "--url", f"{collector.url}/book/").exit_code == 0


def test_a_fault_is_a_sentence_too(run: Run, collector: FakeCollector, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ExceptionGroup("one of the tasks failed", [RuntimeError("boom")])

    monkeypatch.setitem(cli.commands, "version", click.Command("version", callback=broken))
    monkeypatch.setattr(type(cli), "get_command", click.Group.get_command)
    result = run("version")
    assert result.exit_code == 70
    assert result.stderr.startswith(
        "This is a fault in mountbook, not in what you typed: RuntimeError: boom at test_cli.py:"
    )
    assert "Traceback" not in result.stderr


def test_as_a_process_it_prints_and_exits(collector: FakeCollector, environment: dict[str, str]) -> None:
    collector.where(WEB_ROW)
    done = subprocess.run(
        [*COMMAND, "where", "-q", "web"], env=environment, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == f"/var/lib/docker/overlay2/{LAYER}/diff\n".encode()


def test_a_locale_that_is_not_utf_8_is_no_error(collector: FakeCollector, environment: dict[str, str]) -> None:
    collector.where(WEB_ROW)
    environment |= {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([*COMMAND, "where", "web"], env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert rb"/data \u2190 volume data" in done.stdout


def test_an_argument_that_is_not_utf_8(collector: FakeCollector, environment: dict[str, str]) -> None:
    collector.whose({"/srv/caf\\xe9": [OWNER]})
    done = subprocess.run(
        [*map(os.fsencode, COMMAND), b"whose", b"/srv/caf\xe9"],
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_closed_pipe_ends_it_quietly(collector: FakeCollector, environment: dict[str, str]) -> None:
    collector.containers(*[WEB_ROW] * 5000)
    with subprocess.Popen([*COMMAND, "ls"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_a_full_disk_is_a_sentence(environment: dict[str, str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "version"], env=environment, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (74, b"Input or output failed: No space left on device.\n")


def test_input_that_cannot_be_read_is_a_sentence(environment: dict[str, str]) -> None:
    with open("/proc/self/mem", "rb") as unreadable:
        done = subprocess.run(
            [*COMMAND, "whose", "-"], env=environment, stdin=unreadable, capture_output=True, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (74, b"Input or output failed: Input/output error.\n")


def test_ctrl_c_ends_it_quietly(collector: FakeCollector, environment: dict[str, str]) -> None:
    asked, ended = Event(), Event()

    def slow(_request: Request) -> Reply:
        asked.set()
        ended.wait(60)
        return Reply(b"")

    collector.give("/api/v1/where", slow)
    with subprocess.Popen([*COMMAND, "where", "web"], env=environment, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            assert asked.wait(60), "the command never asked"
            process.send_signal(signal.SIGINT)
            assert process.stderr.read() == b"\n"  # ends the line on which a terminal shows ^C
            assert process.wait(60) == 130
        finally:
            ended.set()


@contextmanager
def terminal(columns: int) -> Iterator[tuple[int, int]]:
    """A terminal's two ends: what a person sees, and what a program writes to."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    try:
        yield ours, theirs
    finally:
        os.close(ours)


def on_terminal(environment: dict[str, str], *words: str, columns: int = 200) -> str:
    """Return what the command writes to a terminal of that width."""
    with terminal(columns) as (ours, theirs):
        process = subprocess.Popen([*COMMAND, *words], env=environment, stdout=theirs, stderr=subprocess.DEVNULL)
        os.close(theirs)
        written = b""
        while select.select([ours], [], [], 60)[0]:
            try:
                written += os.read(ours, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
        assert process.wait(60) == 0
    return written.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colour_and_whole_directories(collector: FakeCollector, environment: dict[str, str]) -> None:
    collector.containers(WEB_ROW, LOST_ROW)
    environment |= {"TERM": "xterm-256color"}
    output = on_terminal(environment, "ls", columns=60)
    assert "\x1b[1mCONTAINER ID" in output
    assert "\x1b[32mrunning" in output
    assert f"/var/lib/docker/overlay2/{LAYER}/diff" in output


def test_no_color_takes_the_colour_away(collector: FakeCollector, environment: dict[str, str]) -> None:
    collector.containers(WEB_ROW, LOST_ROW)
    output = on_terminal(environment | {"TERM": "xterm-256color", "NO_COLOR": "1"}, "ls")
    assert "\x1b" not in output
    assert output.splitlines()[0].split() == ["CONTAINER", "ID", "NAME", "NODE", "STATE", "IMAGE", "DIRECTORY"]


def test_where_on_a_narrow_terminal_is_blocks(collector: FakeCollector, environment: dict[str, str]) -> None:
    collector.where(WEB_ROW, LOST_ROW)
    environment |= {"NO_COLOR": "1"}
    assert on_terminal(environment, "where", "x", columns=80).count("Container:") == 2
    assert on_terminal(environment, "where", "x", columns=200).startswith("CONTAINER ID")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(run: Run, shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert f"_MOUNTBOOK_COMPLETE={shell}_complete" in result.stdout


def test_completion_offers_the_commands(environment: dict[str, str]) -> None:
    environment |= {"_MOUNTBOOK_COMPLETE": "bash_complete", "COMP_WORDS": "mountbook wh", "COMP_CWORD": "1"}
    done = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == ["plain,where", "plain,whose"]
    assert done.stderr == ""


def test_where_imports_nothing_that_it_does_not_need(collector: FakeCollector, environment: dict[str, str]) -> None:
    collector.where(WEB_ROW)
    program = (
        "import sys; from mountbook.cli import cli\n"
        "try: cli.main(['where', 'web'])\n"
        "except SystemExit: print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stderr.split())
    heavy = {"rich", "asyncio", "aiohttp", "docker", "sqlalchemy", "tempfile", "pathlib", "agent", "collector"}
    assert loaded & heavy == set()
