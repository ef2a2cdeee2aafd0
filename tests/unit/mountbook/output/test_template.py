"""Docker's templates."""

from typing import Any

import pytest

from mountbook.errors import UserError
from mountbook.output.template import field_names, parse, pascal
from protocol.answers import ContainerRow, NodeRow

NAMES = field_names([ContainerRow], {"ID": "container_id"})
RECORD: dict[str, Any] = {
    "container_id": "ab" * 32,
    "name": "web",
    "exit_code": None,
    "oom_killed": True,
    "labels": {"a": "1"},
    "mounts": [{"destination": "/d"}],
}


@pytest.mark.parametrize(
    ("template", "written"),
    [
        ("{{.ID}}", "abababababab\n"),
        ("{{.Name}} {{ .OOMKilled }}", "web true\n"),
        ("<{{.ExitCode}}>", "<>\n"),
        ("{{.Name}}\\n{{.Name}}", "web\nweb\n"),
        ("{{.Labels}} {{.Mounts}}", 'a=1 [{"destination":"/d"}]\n'),
        ('{{.Label "a"}}{{.Label "b"}}', "1\n"),
        ("{{json .Name}}", '"web"\n'),
        ("table {{.Name}}\\tfixed {{.ID}}", "NAME   fixed CONTAINER ID\nweb    fixed abababababab\n"),
        ("tables {{.Name}}", "tables web\n"),
    ],
)
def test_what_docker_writes(template: str, written: str, capsys: pytest.CaptureFixture[str]) -> None:
    parse(template, NAMES).write([RECORD])
    assert capsys.readouterr().out == written


def test_an_id_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    parse("{{.ContainerID}}", NAMES).write([RECORD], no_trunc=True)
    assert capsys.readouterr().out == "ab" * 32 + "\n"


def test_an_unknown_field_lists_the_known() -> None:
    with pytest.raises(
        UserError, match=r"no field 'Foo' here\.\nFields: Agent, Availability, Backends, Cluster, Conflict, Containers,"
    ):
        parse("{{.Foo}}", field_names([NodeRow], {}))


def test_names_are_spelled_as_docker_spells_them() -> None:
    assert [pascal(name) for name in ("container_id", "diff_path", "oom_killed", "init_id", "image")] == [
        "ContainerID",
        "DiffPath",
        "OOMKilled",
        "InitID",
        "Image",
    ]
