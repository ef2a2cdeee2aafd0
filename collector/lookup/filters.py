"""Filters of lists, in docker's way: ``key=value``; the same key again means *or*, another key *and*, labels *and*."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from collector.errors import ProblemError
from protocol.entries import Kind, LayerUse, PathKind, ResolvedBy
from protocol.problems import ProblemType

_BOOLEANS: Final = {"true": "true", "1": "true", "yes": "true", "false": "false", "0": "false", "no": "false"}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is limited to.

    ``tokens`` are groups of names, each with what it names; the entry must bear one of every group. ``fields`` are
    fields of the entry with the values one of which it must have. ``drivers`` are volume drivers, a mount of one of
    which it must have. ``names`` are patterns of LIKE, one of which its name must match. ``node`` names a node, ``""``
    for all.
    """

    node: str = ""
    tokens: tuple[tuple[tuple[str, str], ...], ...] = ()
    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)
    drivers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def question(self) -> list[Any]:
        """What the pages of one list have in common, but for the node."""
        return [self.tokens, sorted(self.fields.items()), self.drivers, self.names]


_TOKENS: Final[dict[Kind, dict[str, str]]] = {
    Kind.CONTAINER: {
        **{key: key for key in ("id", "task", "service", "stack", "mount-id", "image", "label", "volume")},
        "bind": "bind",
        "chain": "chain",
        "layer": "layer",
        "image-id": "image-id",
    },
    Kind.LAYER: {"id": "id", "chain": "chain", "parent": "parent", "diff-id": "diff-id", "cache-id": "cache-id"},
    Kind.IMAGE: {"id": "image-id", "image": "image", "reference": "image", "layer": "chain"},
}
"""Per kind of entry, filters that are answered from the reference tokens, and the token's kind."""

_FIELDS: Final[dict[Kind, dict[str, str]]] = {
    Kind.CONTAINER: {
        "state": "state",
        "status": "state",
        "backend": "backend",
        "exit-code": "exit_code",
        "exited": "exit_code",
        "path-kind": "path_kind",
        "resolved-by": "resolved_by",
        "ghost": "ghost",
    },
    Kind.LAYER: {"use": "use", "backend": "backend", "path-kind": "path_kind"},
    Kind.IMAGE: {"backend": "backend", "platform": "platform"},
}
"""Per kind of entry, filters that are answered from its fields."""

_VALUES: Final[dict[str, tuple[str, ...]]] = {
    "use": tuple(LayerUse),
    "path_kind": tuple(PathKind),
    "resolved_by": tuple(ResolvedBy),
}


def parse(kind: Kind, texts: Sequence[str], node: str = "") -> Filters:
    """Read filters for a list of this kind.

    Raises:
        ProblemError: ``bad-request``, one has no ``=``, an unknown key (all are named) or a value that cannot be.
    """
    tokens: dict[str, list[tuple[str, str]]] = defaultdict(list)
    fields: dict[str, list[str]] = defaultdict(list)
    drivers: list[str] = []
    names: list[str] = []
    nodes = {node} - {""}
    for position, text in enumerate(texts):
        key, equals, value = text.partition("=")
        if not equals or not value:
            raise ProblemError(
                ProblemType.BAD_REQUEST,
                f"{text!r} is no filter; write KEY=VALUE, such as {_known(kind)[0]}=…",
                field="filter",
            )
        if key == "node":
            nodes.add(value)
        elif key == "driver" and kind is Kind.CONTAINER:
            drivers.append(value)
        elif key == "name" and kind is Kind.CONTAINER:
            names.append(_like(value))
        elif key in _TOKENS[kind]:
            group = f"{key} {position}" if key == "label" else key
            tokens[group].append((_TOKENS[kind][key], value))
        elif key in _FIELDS[kind]:
            name = _FIELDS[kind][key]
            fields[name].append(_value(key, name, value))
        else:
            raise ProblemError(
                ProblemType.BAD_REQUEST,
                f"there is no filter {key!r} for {kind.value}s; the filters are {', '.join(_known(kind))}",
                field="filter",
            )
    if len(nodes) > 1:
        raise ProblemError(
            ProblemType.BAD_REQUEST, f"one node at a time: {', '.join(sorted(nodes))} were named", field="filter"
        )
    return Filters(
        node=nodes.pop() if nodes else "",
        tokens=tuple(tuple(group) for group in tokens.values()),
        fields={name: tuple(values) for name, values in fields.items()},
        drivers=tuple(drivers),
        names=tuple(names),
    )


def _like(part: str) -> str:
    """Return the pattern for names that hold a text; ``^`` and ``$`` mean their beginning and end, as docker's do."""
    inner = part.removeprefix("^").removesuffix("$").removeprefix("/")
    for special in "\\%_":
        inner = inner.replace(special, f"\\{special}")
    return f"{'' if part.startswith('^') else '%'}{inner}{'' if part.endswith('$') else '%'}"


def _known(kind: Kind) -> list[str]:
    return sorted({*_TOKENS[kind], *_FIELDS[kind], "node", *(["driver", "name"] if kind is Kind.CONTAINER else [])})


def _value(key: str, name: str, value: str) -> str:
    if name == "exit_code":
        try:
            return str(int(value))
        except ValueError:
            raise ProblemError(
                ProblemType.BAD_REQUEST, f"{key}={value}: an exit code is a number", field="filter"
            ) from None
    if name == "ghost":
        if value.lower() not in _BOOLEANS:
            raise ProblemError(ProblemType.BAD_REQUEST, f"{key}={value}: write true or false", field="filter")
        return _BOOLEANS[value.lower()]
    if name in _VALUES and value not in _VALUES[name]:
        raise ProblemError(
            ProblemType.BAD_REQUEST, f"{key}={value}: the values are {', '.join(_VALUES[name])}", field="filter"
        )
    return value
