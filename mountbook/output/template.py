r"""Docker's ``--format``: ``json``, ``table {{.A}}\t{{.B}}``, or a plain template.

Of Go's templates this knows what docker's own documentation shows: ``{{.Field}}``, ``{{json .}}``,
``{{json .Field}}`` and ``{{.Label "key"}}``. Fields have the names of the JSON answers in docker's spelling:
``container_id`` is ``{{.ContainerID}}``. Source: https://docs.docker.com/engine/cli/formatting/
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from mountbook.errors import UserError
from mountbook.output.table import write_lines, write_table
from mountbook.output.words import printable, short_id

_ACTION: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_FIELD: Final = re.compile(r"\.([A-Za-z]\w*)")
_LABEL: Final = re.compile(r'\.Label\s+"([^"]*)"')
_JSON: Final = re.compile(r"json\s+\.([A-Za-z]\w*)?")
_WORDS: Final = {"id": "ID", "oom": "OOM", "os": "OS"}
_SHORTENED: Final = frozenset({"container_id", "image_id"})

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a template: literal ``text``, or a value to look up."""

    kind: Literal["text", "field", "label", "json"]
    text: str


@dataclass(frozen=True, slots=True)
class Template:
    """What ``--format`` asked for, ready to be filled."""

    layout: Literal["json", "table", "plain"]
    columns: tuple[tuple[_Part, ...], ...] = ()

    def write(self, records: Iterable[Record], *, no_trunc: bool = False) -> None:
        """Write one line for every record, below titles when it is a table."""
        if self.layout == "json":
            write_lines(msgspec.json.encode(record).decode() for record in records)
        elif self.layout == "plain":
            write_lines("\t".join(_fill(column, record, no_trunc) for column in self.columns) for record in records)
        else:
            rows = [[printable(_fill(column, record, no_trunc)) for column in self.columns] for record in records]
            write_table([_title(column) for column in self.columns], rows)


def field_names(shapes: Sequence[type[msgspec.Struct]], aliases: Mapping[str, str]) -> dict[str, str]:
    """Return the names that a template may use, each with the field of the JSON answer that it stands for."""
    names = {pascal(field.name): field.name for shape in shapes for field in msgspec.structs.fields(shape)}
    return names | dict(aliases)


def pascal(name: str) -> str:
    """Return a field's name as docker spells it.

    >>> pascal("container_id")
    'ContainerID'
    """
    return "".join(_WORDS.get(word, word.capitalize()) for word in name.split("_"))


def parse(text: str, names: Mapping[str, str]) -> Template:
    r"""Read ``--format``; ``\t`` and ``\n`` may be written out, as docker allows.

    Raises:
        UserError: it uses what docker's templates do not have here, or an unknown field; the message lists the known.
    """
    if text == "json":
        return Template("json")
    body = text.replace("\\t", "\t").replace("\\n", "\n")
    is_table = body.startswith("table") and body[5:6] in ("", " ", "\t")
    columns = (body[5:].lstrip(" ") if is_table else body).split("\t")
    parts = tuple(tuple(_parts(column, names)) for column in columns)
    if not any(part.kind != "text" for column in parts for part in column):
        raise UserError(f"--format {text!r} names no field.\n{_known(names)}")
    return Template("table" if is_table else "plain", parts)


def _parts(text: str, names: Mapping[str, str]) -> Iterable[_Part]:
    end = 0
    for match in _ACTION.finditer(text):
        if match.start() > end:
            yield _Part("text", text[end : match.start()])
        yield _action(match[1], names)
        end = match.end()
    if "{{" in text[end:]:
        raise UserError(f"--format: {text[end:]!r} opens {{{{ and does not close it.")
    if text[end:]:
        yield _Part("text", text[end:])


def _action(text: str, names: Mapping[str, str]) -> _Part:
    if match := _FIELD.fullmatch(text):
        return _Part("field", _field(match[1], names))
    if (match := _LABEL.fullmatch(text)) and "Labels" in names:
        return _Part("label", match[1])
    if match := _JSON.fullmatch(text):
        return _Part("json", _field(match[1], names) if match[1] else "")
    raise UserError(
        f"--format: {{{{{text}}}}} is not understood; write {{{{.Field}}}}, {{{{json .}}}}, "
        f'{{{{json .Field}}}} or {{{{.Label "key"}}}}.\n{_known(names)}'
    )


def _field(name: str, names: Mapping[str, str]) -> str:
    if name not in names:
        raise UserError(f"--format: there is no field {name!r} here.\n{_known(names)}")
    return names[name]


def _known(names: Mapping[str, str]) -> str:
    return f"Fields: {', '.join(sorted(names))}."


def _title(column: Sequence[_Part]) -> str:
    return "".join(
        part.text if part.kind == "text" else part.text.rpartition(".")[2].replace("_", " ").upper() for part in column
    )


def _fill(column: Sequence[_Part], record: Record, no_trunc: bool) -> str:
    return "".join(_value(part, record, no_trunc) for part in column)


def _value(part: _Part, record: Record, no_trunc: bool) -> str:
    if part.kind == "text":
        return part.text
    if part.kind == "label":
        return str((record.get("labels") or {}).get(part.text, ""))
    value = record.get(part.text) if part.text else record
    if part.kind == "json":
        return msgspec.json.encode(value).decode()
    text = _text(value)
    return short_id(text, no_trunc) if part.text in _SHORTENED else text


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case dict():
            return ",".join(f"{key}={_text(item)}" for key, item in value.items())
        case list() if all(isinstance(item, str) for item in value):
            return ",".join(value)
        case list():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)
