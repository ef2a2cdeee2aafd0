"""Files that are there whole or not at all: written under another name, brought to the disk, then renamed."""

import errno
import os
import secrets
import stat
from types import TracebackType
from typing import Final, Self

from mountbook.errors import UserError

FAILED: Final = 74
"""Exit status when a file cannot be written, on a full disk say (``EX_IOERR`` of sysexits.h)."""

_ADVICE: Final = {
    errno.ENOSPC: "make room there, or write it elsewhere",
    errno.EDQUOT: "your quota there is used up; make room, or write it elsewhere",
    errno.EFBIG: "files there, or your process's (ulimit -f), may not be so large; write it elsewhere",
    errno.ENOENT: "make its directory first",
    errno.EACCES: "choose a directory that you may write to",
    errno.EROFS: "choose a directory that you may write to",
}


class WholeFile:
    """A file that takes the place of ``path`` when ``keep`` is called; without that nothing changes there.

    A context manager. What is no regular file (``/dev/stdout``, a pipe) is written to as it is. Every method raises
    ``UserError`` when the disk does not do what it should.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._final = os.path.realpath(path)
        self._direct = _is_special(self._final)
        self._hidden = self._final
        if not self._direct:
            folder, name = os.path.split(self._final)
            self._hidden = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(4)}.part")
        self._handle = -1
        self._kept = False

    def __enter__(self) -> Self:
        if os.path.isdir(self._final):
            raise UserError(f"{self.path} is a directory; name a file in it.")
        how = os.O_WRONLY if self._direct else os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            self._handle = os.open(self._hidden, how | os.O_CLOEXEC, 0o666)
        except OSError as exc:
            raise self._error(exc) from exc
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _exc: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        if not self._kept and not self._direct:
            os.unlink(self._hidden)

    def write(self, content: bytes) -> None:
        """Write all of it."""
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        except OSError as exc:
            raise self._error(exc) from exc

    def settle(self) -> None:
        """Bring to the disk what was written: what the disk does not take is known before the file has its name."""
        if self._direct:
            return
        try:
            os.fsync(self._handle)
        except OSError as exc:
            raise self._error(exc) from exc

    def keep(self) -> None:
        """Give the file its name; it is on the disk when this returns."""
        if self._direct:
            self._kept = True
            return
        self.settle()
        try:
            os.rename(self._hidden, self._final)
            self._kept = True
            _sync(os.path.dirname(self._final))
        except OSError as exc:
            raise self._error(exc) from exc

    def _error(self, exc: OSError) -> UserError:
        why = (exc.strerror or str(exc)).lower()
        advice = _ADVICE.get(exc.errno or 0, "write it elsewhere")
        state = "what was there before is as it was" if os.path.exists(self._final) else "nothing was left there"
        return UserError(f"{self.path} could not be written: {why}; {state}. To go on, {advice}.", status=FAILED)


def _is_special(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _sync(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
