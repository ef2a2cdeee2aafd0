"""References: how a person names a container, or a group of them.

``service:web`` says which kind of name it is; a bare ``web`` is tried as every kind, whole before prefix;
``key=value`` is a label. Kinds are spelled as in the register's tokens (``collector.store.keys``).
"""

import re
from dataclasses import dataclass
from typing import Final

from collector.errors import ProblemError
from protocol.problems import ProblemType
from protocol.text import clean

MAX_REF: Final = 1024
"""Most characters of a reference."""

KINDS: Final[tuple[str, ...]] = (
    *("id", "name", "task", "service", "stack", "mount-id", "init-id"),
    *("image", "image-id", "chain", "volume", "bind", "dir", "label"),
)
"""Every kind that may stand before the colon."""

BARE_KINDS: Final[tuple[str, ...]] = (
    *("id", "name", "task", "service", "stack", "mount-id", "init-id", "image", "image-id"),
)
"""What a bare reference may be, the most particular first: it decides what the answer calls it."""

PREFIX_KINDS: Final[tuple[str, ...]] = ("id", "mount-id", "name")
"""Kinds that a prefix may name."""

_FORMS: Final = {"init-id": re.compile(r"-init\Z|\A[0-9]+\Z"), "image-id": re.compile(r":|\A[0-9a-f]{64}\Z")}
"""What a name of these kinds looks like at the least (docs/wire-format.md): others need not be looked up."""

_SYNONYMS: Final = {
    "container": "id",
    "container-id": "id",
    "task-id": "task",
    "service-id": "service",
    "snapshot": "mount-id",
    "snapshot-id": "mount-id",
}


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference taken apart. ``kind`` is ``None`` when it was bare."""

    text: str
    kind: str | None
    value: str

    @property
    def exact_kinds(self) -> tuple[str, ...]:
        """As which kinds the whole value is looked up, best first."""
        if self.kind is not None:
            return (self.kind,)
        return tuple(kind for kind in BARE_KINDS if kind not in _FORMS or _FORMS[kind].search(self.value))

    @property
    def prefix_kinds(self) -> tuple[str, ...]:
        """As which kinds the value is looked up as a prefix, best first."""
        if self.kind is None:
            return PREFIX_KINDS
        return (self.kind,) if self.kind in PREFIX_KINDS else ()


def parse(text: str) -> Ref:
    """Read a reference.

    A word before a colon that is no kind belongs to the value: ``nginx:1.27`` is an image's tag.

    Raises:
        ProblemError: ``bad-request``, it is empty, too long, or has nothing behind its kind.
    """
    text = text.strip()
    if not text:
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            "the reference is empty; give a container's ID or name, or a kind and a value such as service:web",
            field="ref",
        )
    if len(text) > MAX_REF or clean(text) != text:
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            f"a reference has at most {MAX_REF} characters, none of them NUL or half a surrogate pair",
            field="ref",
        )
    head, colon, value = text.partition(":")
    kind = _SYNONYMS.get(head, head)
    if colon and kind in KINDS:
        if not value:
            raise ProblemError(
                ProblemType.BAD_REQUEST, f"{text!r} has nothing behind the colon; write {head}:VALUE", field="ref"
            )
        return Ref(text, kind, value)
    if "=" in text and not text.startswith("="):
        return Ref(text, "label", text)
    return Ref(text, None, text)
