"""The only place where the command speaks HTTP: questions to a collector, and what becomes of its errors.

``http.client`` is used because every import counts: ``mountbook where`` is run in shells and loops.
"""

import http.client
from collections.abc import Iterator, Sequence
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from mountbook import DEFAULT_URL
from mountbook.credentials import Token
from mountbook.errors import UNREACHABLE, NotFoundError, UserError
from protocol.answers import Containers, Coverage, Nodes, Where, WhoseAnswer
from protocol.problems import CONTENT_TYPE, Problem, ProblemType, problem_uri
from protocol.version import RELEASE

CONNECT_TIMEOUT: Final = 10.0
"""Seconds until a collector that does not answer at all is given up."""
ANSWER_TIMEOUT: Final = 60.0
"""Seconds between two pieces of an answer; longer than the collector's own time-out for a query."""
MAX_ANSWER: Final = 128 * 1024 * 1024
"""Most bytes of one answer: what is larger does not come from a collector."""
PAGE: Final = 1000
"""Items on a page: the collector's most."""

T = TypeVar("T")
Query = Sequence[tuple[str, str | None]]


class Client:
    """Questions to one collector over one kept connection. A context manager. Not safe for threads.

    Every method raises ``UserError``: status 3 when the collector cannot be reached or does not answer like one,
    2 when it refuses. Those that look something up raise ``NotFoundError``.
    """

    def __init__(self, url: str, token: Token | None) -> None:
        self.url = regular_url(url)
        self._token = token
        self._prefix = urlsplit(self.url).path
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._close()

    def where(self, ref: str, *, node: str | None = None, at: str | None = None) -> Where:
        """Return every container that the reference names, from as many pages as there are."""
        query = [("ref", ref), ("node", node), ("at", at), ("limit", str(PAGE))]
        first = page = self._get("/api/v1/where", query, Where)
        containers = list(first.containers)
        while page.next is not None:
            page = self._get("/api/v1/where", [*query, ("cursor", page.next)], Where)
            containers += page.containers
        return msgspec.structs.replace(first, containers=containers, coverage=page.coverage, next=None)

    def whose(self, paths: Sequence[str], *, node: str | None = None, at: str | None = None) -> WhoseAnswer:
        """Return one answer for every path, in their order."""
        body = {"paths": paths} | {key: value for key, value in (("node", node), ("at", at)) if value is not None}
        answer = self._post("/api/v1/whose", body, WhoseAnswer)
        if len(answer.answers) != len(paths):
            raise self._strange(f"{len(answer.answers)} answers to {len(paths)} paths")
        return answer

    def containers(
        self, *, filters: Sequence[str] = (), node: str | None = None, at: str | None = None
    ) -> Iterator[Containers]:
        """Yield the pages of the list of containers, at least one."""
        query = [("node", node), ("at", at), ("limit", str(PAGE)), *(("filter", text) for text in filters)]
        page = self._get("/api/v1/containers", query, Containers)
        yield page
        while page.next is not None:
            page = self._get("/api/v1/containers", [*query, ("cursor", page.next)], Containers)
            yield page

    def nodes(self) -> Nodes:
        """Return every node that the register knows."""
        return self._get("/api/v1/nodes", (), Nodes)

    def ready(self) -> None:
        """Return when the collector says that it can answer."""
        self._get("/readyz", (), msgspec.Raw)

    def _get(self, path: str, query: Query, shape: type[T]) -> T:
        given = [(name, value) for name, value in query if value is not None]
        return self._ask("GET", f"{path}?{urlencode(given, quote_via=quote)}" if given else path, None, shape)

    def _post(self, path: str, body: Any, shape: type[T]) -> T:
        return self._ask("POST", path, msgspec.json.encode(body), shape)

    def _ask(self, method: str, target: str, body: bytes | None, shape: type[T]) -> T:
        status, media, content = self._exchange(method, target, body)
        if not 200 <= status < 300:
            raise self._refusal(status, media, content)
        if shape is msgspec.Raw:
            return msgspec.Raw(content)  # type: ignore[return-value]  # the shape that was asked for
        try:
            return msgspec.json.decode(content, type=shape)
        except msgspec.ValidationError as exc:
            raise self._strange(f"{exc} (this is mountbook {RELEASE}; is the collector a newer one?)") from exc
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise self._strange(f"{media or 'no content type'} instead of JSON") from exc

    def _exchange(self, method: str, target: str, body: bytes | None) -> tuple[int, str, bytes]:
        """Return status, media type and body of the answer.

        A kept connection may have been closed by the other side between two questions: then once more on a new one.
        """
        kept = self._connection is not None
        try:
            return self._send(method, target, body)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as exc:
            self._close()
            if not kept:
                raise self._unreachable(exc) from exc
        except (OSError, http.client.HTTPException) as exc:
            self._close()
            raise self._unreachable(exc) from exc
        try:
            return self._send(method, target, body)
        except (OSError, http.client.HTTPException) as exc:
            self._close()
            raise self._unreachable(exc) from exc

    def _send(self, method: str, target: str, body: bytes | None) -> tuple[int, str, bytes]:
        connection = self._connected()
        headers = {"Accept": "application/json", "User-Agent": f"mountbook/{RELEASE}"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.text}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, self._prefix + target, body, headers)
        with connection.getresponse() as response:
            content = response.read(MAX_ANSWER + 1)
            if len(content) > MAX_ANSWER:
                self._close()
                raise self._strange(f"more than {MAX_ANSWER} bytes")
            return response.status, response.headers.get_content_type(), content

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            parts = urlsplit(self.url)
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            connection = kind(parts.hostname or "", parts.port, timeout=CONNECT_TIMEOUT)
            connection.connect()
            connection.sock.settimeout(ANSWER_TIMEOUT)
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _unreachable(self, exc: Exception) -> UserError:
        if isinstance(exc, http.client.HTTPException) and not isinstance(exc, OSError):
            return self._strange(f"something that is not HTTP ({type(exc).__name__})")
        advice = "Start one on this machine with `mountbook up`, or say where yours is with --url or MOUNTBOOK_URL."
        if "CERTIFICATE_VERIFY_FAILED" in str(exc):
            advice = "Name the file with your CA's certificate in the variable SSL_CERT_FILE."
        return UserError(
            f"The collector at {self.url} cannot be reached: {_reason(exc)}.\n{advice}", status=UNREACHABLE
        )

    def _strange(self, what: str) -> UserError:
        return UserError(
            f"What answers at {self.url} does not answer like a Mountbook collector: it sent {what}.\n"
            "Is there a proxy in between? Say where the collector is with --url or MOUNTBOOK_URL.",
            status=UNREACHABLE,
        )

    def _refusal(self, status: int, media: str, content: bytes) -> Exception:
        problem = _problem(media, content)
        if problem is None:
            return self._strange(f"HTTP status {status} with {media}")
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


_KINDS: Final = {problem_uri(kind): kind for kind in ProblemType}


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
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise UserError(f"{text!r} is not the address of a collector; {example}.")
    if parts.username is not None or parts.query or parts.fragment or not text.strip().isascii():
        raise UserError(f"The address of a collector has no user name, question or fragment; {example}.")
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
