"""A TCP line between an agent and a collector that can be cut, slowed down, made to lose, or left half open."""

import random
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

_CHUNK: Final = 65_536
_POLL: Final = 0.02


@dataclass
class Line:
    """Forwards connections to ``port`` of this machine. Use it as a context manager.

    ``cut``: nothing connects, and what was connected is reset. ``deaf``: connections stand, and nothing passes (a
    half-open line). ``delay``: seconds that every piece takes. ``loss``: the share of pieces whose connection is reset
    in place of being forwarded.
    """

    port: int
    cut: bool = False
    deaf: bool = False
    delay: float = 0.0
    loss: float = 0.0
    carried: int = 0
    """Pieces that went through."""
    seed: int = 1
    _pairs: dict[socket.socket, socket.socket] = field(default_factory=dict)
    _late: list[tuple[float, socket.socket, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._dice = random.Random(self.seed)
        self._selector = selectors.DefaultSelector()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)

    @property
    def url(self) -> str:
        """The address at which the collector seems to be."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def heal(self) -> None:
        """Let everything through again; what stood half open is reset, as a line that comes back would."""
        self.cut, self.deaf, self.delay, self.loss = self.deaf, False, 0.0, 0.0
        if self.cut:
            time.sleep(3 * _POLL)
            self.cut = False

    def lead_to(self, port: int) -> None:
        """Let it end at another collector; what was connected is reset."""
        self.port, self.cut = port, True
        time.sleep(3 * _POLL)
        self.cut = False

    def __enter__(self) -> Self:
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _exc: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._drop_all()
        self._selector.close()
        self._listener.close()

    def _run(self) -> None:
        while not self._over.is_set():
            if self.cut:
                self._drop_all()
            for key, _ in self._selector.select(_POLL):
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._pairs:
                    self._carry(key.fileobj)
            self._deliver()

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        if self.cut:
            _reset(near)
            return
        try:
            far = socket.create_connection(("127.0.0.1", self.port), timeout=1.0)
        except OSError:
            _reset(near)
            return
        for one, other in ((near, far), (far, near)):
            one.setblocking(False)
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _carry(self, source: socket.socket) -> None:
        if self.deaf:
            time.sleep(_POLL)  # it stays readable; do not spin
            return
        try:
            piece = source.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece or self._dice.random() < self.loss:
            self._drop(source)
        else:
            self._late.append((time.monotonic() + self.delay, self._pairs[source], piece))

    def _deliver(self) -> None:
        now = time.monotonic()
        due = [one for one in self._late if one[0] <= now]
        self._late = [one for one in self._late if one[0] > now]
        for _, target, piece in due:
            if target not in self._pairs:
                continue
            try:
                target.setblocking(True)
                target.sendall(piece)
                target.setblocking(False)
                self.carried += 1
            except OSError:
                self._drop(target)

    def _drop(self, one: socket.socket) -> None:
        other = self._pairs.pop(one)
        self._pairs.pop(other)
        for end in (one, other):
            self._selector.unregister(end)
            _reset(end)

    def _drop_all(self) -> None:
        while self._pairs:
            self._drop(next(iter(self._pairs)))
        self._late.clear()


def _reset(end: socket.socket) -> None:
    """Close a connection with a reset: what was on its way is gone."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    end.close()
