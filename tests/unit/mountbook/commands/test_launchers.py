"""The launchers: what ``up``, ``scan``, ``agent``, ``collector``, ``migrate`` and ``token`` hand on."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from mountbook.errors import UserError
from protocol.answers import LayerRow, Scan
from protocol.entries import LayerUse
from tests.unit.mountbook.conftest import Run
from tests.unit.mountbook.fake_collector import LAYER, LOST_ROW, WEB_ROW


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put functions in the place of a module of ``mountbook.local``."""

    def put(name: str, **functions: Callable[..., Any]) -> None:
        module = ModuleType(f"mountbook.local.{name}")
        for function, value in functions.items():
            setattr(module, function, value)
        monkeypatch.setitem(sys.modules, module.__name__, module)

    return put


FOUND = Scan(
    root="/mnt/docker",
    containers=[WEB_ROW, LOST_ROW],
    layers=[],
    images=[],
    orphans=[
        LayerRow(
            root="/mnt/docker",
            key="overlay2/dead",
            use=LayerUse.ORPHAN,
            diff_path="/mnt/docker/overlay2/dead/diff",
            evidence="no record names it",
        )
    ],
    problems=["/mnt/docker/image/overlay2/layerdb/mounts/x/mount-id: it is empty"],
)


def test_up_hands_on_what_was_typed(run: Run, local: Callable[..., None], tmp_path: Path) -> None:
    calls: list[tuple[Any, ...]] = []

    def up(data: Path, port: int, database: str | None, sample: bool, say: Callable[[str], None]) -> int:
        calls.append((data, port, database, sample))
        say("ready")
        return 0

    local("up", run=up)
    result = run("up", "--data", str(tmp_path), "--port", "9000", "--database", "postgresql://x/y", "--sample")
    assert (result.exit_code, result.stdout) == (0, "ready\n")
    assert calls == [(tmp_path, 9000, "postgresql://x/y", True)]


def test_up_without_a_directory_takes_the_usual_one(run: Run, local: Callable[..., None]) -> None:
    local("datadir", default=lambda: Path("/usual"))
    local("up", run=lambda data, *_rest: int(data != Path("/usual")))
    assert run("up").exit_code == 0


@pytest.mark.parametrize(
    ("command", "function", "extra"),
    [
        (["agent"], "run_agent", "agent"),
        (["collector"], "run_collector", "collector"),
        (["migrate"], "migrate", "collector"),
    ],
)
def test_a_missing_extra_is_named_with_the_line_to_type(
    run: Run, local: Callable[..., None], command: list[str], function: str, extra: str
) -> None:
    def needs(*_args: Any) -> int:
        raise ModuleNotFoundError("No module named 'aiohttp.web'", name="aiohttp.web")

    local("services", **{function: needs})
    result = run(*command)
    assert result.exit_code == 2
    assert result.stderr == (
        f"This command needs aiohttp, which is not installed. Type: pip install 'mountbook[{extra}]'\n"
    )


def test_the_services_status_is_the_commands(run: Run, local: Callable[..., None]) -> None:
    local("services", run_agent=lambda: 7, run_collector=lambda: 0)
    assert run("agent").exit_code == 7
    assert run("collector").exit_code == 0


def test_migrate_hands_on_the_database(run: Run, local: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    local("services", migrate=lambda database, say: say(f"migrated {database}"))
    assert run("migrate", "--database", "postgresql://x/y").stdout == "migrated postgresql://x/y\n"
    monkeypatch.setenv("MOUNTBOOK_DATABASE", "postgresql://from/env")
    assert run("migrate").stdout == "migrated postgresql://from/env\n"


def test_scan_is_a_table_with_orphans_and_problems(run: Run, local: Callable[..., None]) -> None:
    local("scan", scan=lambda _root, **_options: FOUND)
    result = run("scan", "/mnt/docker")
    assert result.exit_code == 0
    assert result.stdout == (
        "CONTAINER ID   NAME            STATE     IMAGE        CREATED   RESOLVED BY   DIRECTORY\n"
        "4f2d1b0c9a8e   shop_web.1.x7   running   nginx:1.27             layerdb       "
        f"/var/lib/docker/overlay2/{LAYER}/diff\n"
        "cccccccccccc   lost            running   nginx:1.27             unresolved    "
        "unknown: layerdb/mounts has no such container\n"
        "\n"
        "ORPHAN          DIRECTORY                        EVIDENCE\n"
        "overlay2/dead   /mnt/docker/overlay2/dead/diff   no record names it\n"
    )
    assert result.stderr == (
        "2 containers, 0 layers, 0 images, 1 orphan, 1 problem below /mnt/docker\n"
        "Problem: /mnt/docker/image/overlay2/layerdb/mounts/x/mount-id: it is empty\n"
    )


def test_scan_json_is_the_whole_answer(run: Run, local: Callable[..., None]) -> None:
    asked: list[tuple[Any, ...]] = []

    def scan(root: Path, *, containerd_root: Path | None, host_root: str | None) -> Scan:
        asked.append((root, containerd_root, host_root))
        return FOUND

    local("scan", scan=scan)
    result = run("scan", "/mnt/docker", "--json", "--as", "/var/lib/docker", "--containerd-root", "/mnt/containerd")
    assert msgspec.json.decode(result.stdout, type=Scan) == FOUND
    assert asked == [(Path("/mnt/docker"), Path("/mnt/containerd"), "/var/lib/docker")]
    assert run("scan", "/mnt/docker", "-q").stdout == f"{WEB_ROW.diff_path}\n"
    assert "lost on n2 is left out, its directory is unknown" in run("scan", "/mnt/docker", "-q").stderr
    assert run("scan", "/mnt/docker", "--format", "{{.Name}}").stdout == "shop_web.1.x7\nlost\n"


def test_scan_of_what_is_no_data_root_is_its_sentence(run: Run, local: Callable[..., None]) -> None:
    def scan(root: Path, **_options: Any) -> Scan:
        raise UserError(f"{root} is no data root.")

    local("scan", scan=scan)
    result = run("scan", "/nope")
    assert (result.exit_code, result.stderr) == (2, "/nope is no data root.\n")


def test_a_new_token_is_printed_alone(run: Run, local: Callable[..., None]) -> None:
    calls: list[tuple[Any, ...]] = []

    def create(*args: Any) -> str:
        calls.append(args)
        return "mb_secret"

    local("tokens", create=create)
    result = run("token", "create", "--role", "operator", "--comment", "for ops", "--database", "postgresql://x/y")
    assert (result.exit_code, result.stdout) == (0, "mb_secret\n")
    assert "shown once" in result.stderr
    assert calls == [("postgresql://x/y", "operator", None, None, "for ops")]


def test_a_token_of_an_agent_needs_its_node(run: Run) -> None:
    result = run("token", "create", "--role", "agent")
    assert result.exit_code == 2
    assert "give --cluster and --node" in result.stderr


def test_tokens_are_listed_and_revoked(run: Run, local: Callable[..., None]) -> None:
    revoked: list[tuple[Any, ...]] = []
    tokens = [{"prefix": "ab12", "role": "agent", "node": "n1"}, {"prefix": "cd34", "role": "operator", "node": None}]
    local("tokens", list_tokens=lambda _database: tokens, revoke=lambda *args: revoked.append(args))
    assert run("token", "list").stdout == "PREFIX   ROLE       NODE\nab12     agent      n1\ncd34     operator\n"
    assert msgspec.json.decode(run("token", "list", "--json").stdout) == tokens
    assert run("token", "revoke", "ab12", "--database", "d").stdout == "The token ab12 is revoked.\n"
    assert revoked == [("d", "ab12")]
