"""Documents say what the code does: shapes, links, commands and names."""

import enum
import inspect
import itertools
import re
import tomllib
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest

from protocol import enrol, entries, messages, problems, roster, usage

ROOT: Final = Path(__file__).resolve().parent.parent.parent
ARCHITECTURE: Final = ROOT / "docs/architecture.md"
WIRE_FORMAT: Final = ROOT / "docs/wire-format.md"
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])

ALIASES: Final = ("Hash", "Generation", "Seq", "Seconds", "Clock", "Short", "Attempt")
_WORDS: Final[dict[Any, str]] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    msgspec.Raw: "Entry",
    Any: "anything",
}
_META: Final = ("pattern", "ge", "le", "min_length", "max_length")


def _shapes() -> dict[str, type[msgspec.Struct]]:
    return {
        name: kind
        for module in (messages, entries, problems, enrol, roster, usage)
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, msgspec.Struct) and kind.__module__ == module.__name__ and not name.startswith("_")
    }


SHAPES: Final = _shapes()
WORD_LISTS: Final = {
    name: kind
    for module in (entries, problems, usage)
    for name, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, enum.StrEnum) and kind.__module__ == module.__name__
}


def limits(meta: msgspec.Meta) -> str:
    """Write the limits of one annotation, as the document does."""
    found = {name: getattr(meta, name) for name in _META if getattr(meta, name) is not None}
    return ", ".join(f"{name} `{value}`" for name, value in found.items())


def written(hint: Any) -> str:
    """Write a type as the document does."""
    for alias in ALIASES:
        if hint == getattr(messages, alias):
            return alias
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return f"{written(arguments[0])}, {limits(arguments[1])}"
    if origin in (list, tuple):
        return f"list of {written(arguments[0])}"
    if origin is dict:
        return f"map of {written(arguments[0])} to {written(arguments[1])}"
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (types.UnionType, typing.Union):
        return " or ".join("null" if part is type(None) else written(part) for part in arguments)
    return _WORDS.get(hint) or hint.__name__


def absent(field: msgspec.structs.FieldInfo) -> str:
    """Write what a field means that is left out, as the document does."""
    if field.required:
        return "required"
    default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return f"`{msgspec.json.encode(default).decode()}`"


def expected_rows(kind: type[msgspec.Struct]) -> Iterator[tuple[str, str, str]]:
    """Yield field, type and default of a shape, in order."""
    hints = get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        yield f"`{field.encode_name}`", written(hints[field.name]), absent(field)


def sections(document: Path) -> dict[str, str]:
    """Return the text below every heading of the third level."""
    parts = re.split(r"^### (.+)$|^## .+$", document.read_text(), flags=re.MULTILINE)
    return {name: text for name, text in zip(parts[1::2], parts[2::2], strict=True) if name}


def rows(text: str) -> list[list[str]]:
    """Return the cells of a section's table, without its two heading lines."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    # A bar inside a cell is written \| in Markdown.
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


@pytest.mark.parametrize("name", SHAPES)
def test_the_wire_format_describes_every_field_of_every_shape(name: str) -> None:
    documented = rows(sections(WIRE_FORMAT)[name])
    assert [tuple(row[:3]) for row in documented] == list(expected_rows(SHAPES[name]))
    assert all(row[3] for row in documented), "a field has no meaning"


@pytest.mark.parametrize("name", WORD_LISTS)
def test_the_wire_format_lists_every_word(name: str) -> None:
    documented = rows(sections(WIRE_FORMAT)[name])
    assert [row[0] for row in documented] == [f"`{word}`" for word in WORD_LISTS[name]]


@pytest.mark.parametrize("name", ALIASES)
def test_the_wire_format_says_what_the_simple_types_allow(name: str) -> None:
    (row,) = (row for row in rows(sections(WIRE_FORMAT)["Simple types"]) if row[0] == name)
    base, meta = get_args(getattr(messages, name))
    assert row[1:3] == [_WORDS[base], limits(meta).replace("|", r"\|")]


def test_the_wire_format_describes_nothing_that_is_not_there() -> None:
    tables = {name for name, text in sections(WIRE_FORMAT).items() if rows(text)}
    assert tables == {*SHAPES, *WORD_LISTS, "Simple types"}


@pytest.mark.parametrize("kind", problems.ProblemType)
def test_the_wire_format_gives_the_status_of_every_problem(kind: problems.ProblemType) -> None:
    (row,) = (row for row in rows(sections(WIRE_FORMAT)["ProblemType"]) if row[0] == f"`{kind}`")
    assert row[1] == str(problems.STATUS[kind])


def test_the_wire_format_gives_the_limits_of_the_protocol() -> None:
    text = WIRE_FORMAT.read_text()
    assert f"{messages.MAX_BODY // 1024 // 1024} MiB" in text
    assert f"{messages.MAX_HEARTBEAT} bytes" in text
    assert f"every {messages.HEARTBEAT_EVERY:.0f} s" in text


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_named_in_a_document_is_there(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"`make ([a-z]+)", document.read_text()):
        assert target in targets, target


def test_every_place_that_the_architecture_names_is_there() -> None:
    for place in re.findall(r"`([a-z_]+/[a-z_/.]*)`", ARCHITECTURE.read_text()):
        assert (ROOT / place).exists(), place


def test_the_architecture_says_why_each_dependency_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        *project["project"]["dependencies"],
        *itertools.chain(*project["project"]["optional-dependencies"].values()),
        *itertools.chain(*project["dependency-groups"].values()),
    ]
    names = {re.split(r"[\[>=<]", requirement)[0] for requirement in wanted} - {"mountbook"}
    explained = {name for row in rows(ARCHITECTURE.read_text()) for name in row[0].split(", ")}
    assert names <= explained


@pytest.mark.parametrize("lock", sorted(ROOT.glob("lock/*.txt")), ids=lambda path: path.name)
def test_a_lock_has_a_hash_for_every_name_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)
    pinned = [line for line in text.splitlines() if line and line[0] not in " #"]
    assert pinned
    for line in pinned:
        assert re.fullmatch(r"[a-z0-9.-]+==\S+( ; .+)? \\", line), line


def test_every_target_of_the_makefile_explains_itself() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.findall(r"^\.PHONY: ([a-z]+)$", makefile, re.MULTILINE)) - {"missing"}
    explained = set(re.findall(r"^([a-z]+):.* ## \S", makefile, re.MULTILINE))
    assert phony == explained
