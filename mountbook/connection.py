"""The only place where the command speaks HTTP: one kept connection, and what becomes of its errors.

``http.client`` is used because every import counts: ``mountbook where`` is run in shells and loops.
"""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import msgspec

from mountbook import DEFAULT_URL
from mountbook.credentials import Token
from mountbook.errors import UNREACHABLE, NotFoundError, UserError
from protocol.answers import Coverage
from protocol.problems import CONTENT_TYPE, Problem, ProblemType, problem_uri
from protocol.version import RELEASE

if TYPE_CHECKING:
    from mountbook.download import Answer

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"

_CONNECT_TIMEOUT: Final = 10.0
"""Seconds until a collector that does not answer at all is given up."""
_ANSWER_TIMEOUT: Final = 60.0
"""Seconds between two pieces of an answer; longer than the collector's own time-out for a query."""
_FILE_TIMEOUT: Final = 660.0
"""The same for a file: the database may sort for ten minutes before the first row comes."""
_MAX_ANSWER: Final = 128 * 1024 * 1024
"""Most bytes of one answer, or of one line of a stream: what is larger does not come from a collector."""
_CHUNK: Final = 64 * 1024
_KINDS: Final = {problem_uri(kind): kind for kind in ProblemType}


class Connection:
    """A kept connection to one collector. A context manager. Not safe for threads.

    Its methods raise ``NotFoundError``, or ``UserError``: status 3 when the collector cannot be reached or does not
    answer like one, 2 when it refuses.
    """

    def __init__(self, url: str, token: Token | None) -> None:
        self.url = regular_url(url)
        self._token = token
        self._prefix = urlsplit(self.url).path
        self._kept: http.client.HTTPConnection | None = None
        self._patience = _ANSWER_TIMEOUT

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def ask(self, method: str, target: str, body: bytes | None = None) -> bytes:
        """Return the body of a good answer."""
        with self._answer(method, target, body, JSON) as response:
            return self._read(response)

    def stream(self, target: str) -> Iterator[bytes]:
        """Yield the lines of a streamed answer. One that is cut off ends in an error, never in fewer lines."""
        for run in self.runs(target):
            yield from run.split(b"\n")

    def runs(self, target: str) -> Iterator[bytes]:
        """Yield a streamed answer in runs of whole lines, each without its last newline; cut off as in ``stream``."""
        with self._answer("GET", target, None, NDJSON) as response:
            if response.headers.get_content_type() != NDJSON:
                raise self.strange(f"{response.headers.get_content_type()} instead of a stream")
            rest = b""
            while chunk := self._read_some(response):
                lines, newline, rest = (rest + chunk).rpartition(b"\n")
                if newline:
                    yield lines
                if len(rest) > _MAX_ANSWER:
                    raise self.strange(f"a line of more than {_MAX_ANSWER} bytes")
            if rest:
                yield rest

    @contextmanager
    def file(self, target: str, media: str) -> Iterator["Answer"]:
        """Ask for a file of this media type. One that is cut off ends in an error, never in fewer bytes."""
        from mountbook.download import Answer

        self._patience = _FILE_TIMEOUT
        self.close()
        with self._answer("GET", target, None, media) as response:
            if response.headers.get_content_type() != media:
                raise self.strange(f"{response.headers.get_content_type()} instead of {media}")
            yield Answer(response.headers, iter(partial(self._read_some, response), b""))

    def strange(self, what: str) -> UserError:
        """Return the error for an answer that no collector gives; ``what`` ends the sentence "it sent …"."""
        return UserError(
            f"What answers at {self.url} does not answer like a Mountbook collector: it sent {what}.\n"
            "Is there a proxy in between? Say where the collector is with --url or MOUNTBOOK_URL.",
            status=UNREACHABLE,
        )

    def _answer(self, method: str, target: str, body: bytes | None, accept: str) -> http.client.HTTPResponse:
        response = self._exchange(method, target, body, accept)
        if 200 <= response.status < 300:
            return response
        with response:
            raise self._refusal(response.status, response.headers.get_content_type(), self._read(response))

    def _exchange(self, method: str, target: str, body: bytes | None, accept: str) -> http.client.HTTPResponse:
        """Ask; a kept connection may have been closed by the other side meanwhile: then once more on a new one."""
        kept = self._kept is not None
        try:
            return self._send(method, target, body, accept)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as exc:
            self.close()
            if not kept:
                raise self._unreachable(exc) from exc
        except (OSError, http.client.HTTPException) as exc:
            self.close()
            raise self._unreachable(exc) from exc
        try:
            return self._send(method, target, body, accept)
        except (OSError, http.client.HTTPException) as exc:
            self.close()
            raise self._unreachable(exc) from exc

    def _send(self, method: str, target: str, body: bytes | None, accept: str) -> http.client.HTTPResponse:
        if self._kept is None:
            self._kept = self._connect()
        headers = {"Accept": accept, "User-Agent": f"mountbook/{RELEASE}"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.text}"
        if body is not None:
            headers["Content-Type"] = JSON
        self._kept.request(method, self._prefix + target, body, headers)
        return self._kept.getresponse()

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=_CONNECT_TIMEOUT)
        connection.connect()
        connection.sock.settimeout(self._patience)
        return connection

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        content = bytearray()
        while chunk := self._read_some(response):
            content += chunk
            if len(content) > _MAX_ANSWER:
                self.close()
                raise self.strange(f"more than {_MAX_ANSWER} bytes")
        return bytes(content)

    def _read_some(self, response: http.client.HTTPResponse) -> bytes:
        try:
            chunk = response.read1(_CHUNK)
        except (OSError, http.client.HTTPException) as exc:
            self.close()
            raise self._cut_off() from exc
        # With a Content-Length, http.client gives the short answer of a closed connection without an error.
        if not chunk and response.length:
            self.close()
            raise self._cut_off()
        return chunk

    def _cut_off(self) -> UserError:
        return UserError(
            f"The answer of the collector at {self.url} was cut off before its end. Try again.", status=UNREACHABLE
        )

    def _unreachable(self, exc: Exception) -> UserError:
        if isinstance(exc, http.client.HTTPException) and not isinstance(exc, OSError):
            return self.strange(f"something that is not HTTP ({type(exc).__name__})")
        advice = "Start one on this machine with `mountbook up`, or say where yours is with --url or MOUNTBOOK_URL."
        if "CERTIFICATE_VERIFY_FAILED" in str(exc):
            advice = "Name the file with your CA's certificate in the variable SSL_CERT_FILE."
        return UserError(
            f"The collector at {self.url} cannot be reached: {_reason(exc)}.\n{advice}", status=UNREACHABLE
        )

    def _refusal(self, status: int, media: str, content: bytes) -> Exception:
        problem = _problem(media, content)
        if problem is None:
            return self.strange(f"HTTP status {status} with {media}")
        kind = _KINDS.get(problem.type)
        detail = _sentence(problem.detail or problem.title)
        if kind is ProblemType.NOT_FOUND:
            return NotFoundError(detail, _coverage(problem.coverage))
        if kind is ProblemType.AMBIGUOUS:
            return UserError("\n".join([detail, *(f"  {text}" for text in problem.candidates)]))
        if status in (401, 403):
            return UserError(f"{detail}\n{self._login_advice(status)}")
        if status < 500:
            return UserError(detail)
        return UserError(f"The collector at {self.url} cannot answer now: {detail}", status=UNREACHABLE)

    def _login_advice(self, status: int) -> str:
        if self._token is None:
            return (
                f"No token was sent to {self.url}. Store one with `mountbook login --url {self.url}`, "
                "or give it in the variable MOUNTBOOK_TOKEN or with --token-file."
            )
        if status == 401:
            return (
                f"The token came from {self._token.source}. Store another one with `mountbook login --url {self.url}`; "
                "`mountbook token create` makes one, next to the database."
            )
        return (
            f"The token from {self._token.source} has no role that may do this. "
            "`mountbook token create --role operator` makes one that may read."
        )


def regular_url(text: str) -> str:
    """Return the collector's address without a trailing slash.

    Raises:
        UserError: it is not ``http://HOST[:PORT][/PREFIX]``, or the same with https.
    """
    example = f"write it like {DEFAULT_URL}"
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as exc:
        raise UserError(f"{text!r} is not the address of a collector ({exc}); {example}.") from exc
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not text.isprintable():
        raise UserError(f"{text!r} is not the address of a collector; {example}.")
    if parts.username is not None or parts.query or parts.fragment or not text.isascii() or " " in text.strip():
        raise UserError(f"The address of a collector has no user name, question, fragment or space; {example}.")
    return text.strip().rstrip("/")


def _problem(media: str, content: bytes) -> Problem | None:
    if media != CONTENT_TYPE:
        return None
    try:
        return msgspec.json.decode(content, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _coverage(given: Any) -> Coverage | None:
    try:
        return msgspec.convert(given, Coverage | None)
    except msgspec.ValidationError:
        return None


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", ":")) else ".")


def _reason(exc: Exception) -> str:
    if isinstance(exc, TimeoutError):
        return "it did not answer in time"
    if isinstance(exc, http.client.RemoteDisconnected):
        return "it closed the connection without an answer"
    text = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc) or type(exc).__name__
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
