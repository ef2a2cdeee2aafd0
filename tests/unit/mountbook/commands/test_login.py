"""``mountbook login`` and ``logout``, and which token is sent where."""

import os
import stat
from pathlib import Path

import msgspec
import pytest

from protocol.problems import ProblemType
from tests.unit.mountbook.conftest import Run
from tests.unit.mountbook.fake_collector import WEB_ROW, FakeCollector


@pytest.fixture
def store(home: Path) -> Path:
    return home / ".config" / "mountbook" / "credentials.json"


def sent(collector: FakeCollector) -> str | None:
    return collector.requests[-1].headers.get("authorization")


def test_login_checks_and_stores_a_token_for_its_owner_alone(run: Run, collector: FakeCollector, store: Path) -> None:
    collector.nodes()
    result = run("login", "--token-stdin", stdin=b"s3cret\n")
    assert result.exit_code == 0
    assert result.stdout == f"The token for {collector.url} is stored in {store}.\n"
    assert sent(collector) == "Bearer s3cret"
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert msgspec.json.decode(store.read_bytes()) == {collector.url: "s3cret"}
    assert os.listdir(store.parent) == ["credentials.json"]


def test_a_stored_token_is_sent_to_its_collector(run: Run, collector: FakeCollector, store: Path) -> None:
    store.parent.mkdir(parents=True)
    store.write_bytes(msgspec.json.encode({collector.url: "s3cret", "http://other": "not this"}))
    collector.where(WEB_ROW)
    run("where", "web")
    assert sent(collector) == "Bearer s3cret"
    run("where", "web", "--url", collector.url + "/")
    assert sent(collector) == "Bearer s3cret"


def test_a_token_of_another_collector_is_not_sent(run: Run, collector: FakeCollector, store: Path) -> None:
    store.parent.mkdir(parents=True)
    store.write_bytes(msgspec.json.encode({"http://other": "s3cret"}))
    collector.where(WEB_ROW)
    run("where", "web")
    assert sent(collector) is None


def test_a_file_goes_before_the_variable_and_the_variable_before_login(
    run: Run, collector: FakeCollector, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.parent.mkdir(parents=True)
    store.write_bytes(msgspec.json.encode({collector.url: "stored"}))
    (tmp_path / "token").write_text("from-file\n")
    monkeypatch.setenv("MOUNTBOOK_TOKEN", "from-variable")
    collector.where(WEB_ROW)
    run("where", "web")
    assert sent(collector) == "Bearer from-variable"
    run("where", "web", "--token-file", str(tmp_path / "token"))
    assert sent(collector) == "Bearer from-file"


def test_a_refused_token_is_not_stored(run: Run, collector: FakeCollector, store: Path) -> None:
    collector.refuse("/api/v1/nodes", ProblemType.UNAUTHENTICATED, "this token is not known")
    result = run("login", "--token-stdin", stdin=b"wrong")
    assert result.exit_code == 2
    assert result.stderr.startswith("This token is not known.\nThe token came from standard input.")
    assert not store.exists()


def test_without_a_token_401_says_how_to_log_in(run: Run, collector: FakeCollector) -> None:
    collector.refuse("/api/v1/where", ProblemType.UNAUTHENTICATED, "a token is needed here")
    result = run("where", "web")
    assert result.exit_code == 2
    assert result.stderr == (
        "A token is needed here.\n"
        f"No token was sent to {collector.url}. Store one with `mountbook login --url {collector.url}`, "
        "or give it in the variable MOUNTBOOK_TOKEN or with --token-file.\n"
    )


def test_403_says_which_token_and_what_role_it_needs(
    run: Run, collector: FakeCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOUNTBOOK_TOKEN", "agents")
    collector.refuse("/api/v1/where", ProblemType.FORBIDDEN, "the role agent may not read")
    result = run("where", "web")
    assert result.exit_code == 2
    assert "The token from MOUNTBOOK_TOKEN has no role that may do this." in result.stderr
    assert "--role operator" in result.stderr


@pytest.mark.parametrize(
    ("token", "says"),
    [
        (b"", "is empty"),
        (b"two words", "is not a token"),
        (b"caf\xc3\xa9", "is not a token"),
        (b"a\nb: c", "is not a token"),
    ],
)
def test_what_is_no_token_is_refused(run: Run, collector: FakeCollector, token: bytes, says: str) -> None:
    result = run("login", "--token-stdin", stdin=token)
    assert result.exit_code == 2
    assert says in result.stderr
    assert collector.requests == []


def test_a_token_file_that_is_not_there_is_named(run: Run, collector: FakeCollector, tmp_path: Path) -> None:
    result = run("where", "web", "--token-file", str(tmp_path / "nope"))
    assert result.exit_code == 2
    assert result.stderr == f"The token file {tmp_path}/nope cannot be read: No such file or directory.\n"


def test_a_spoiled_store_says_what_to_do(run: Run, store: Path) -> None:
    store.parent.mkdir(parents=True)
    store.write_text("not json")
    result = run("where", "web")
    assert result.exit_code == 2
    assert f"{store} is not a file that `mountbook login` wrote" in result.stderr


def test_login_without_a_terminal_asks_for_no_password(run: Run) -> None:
    result = run("login")
    assert result.exit_code == 2
    assert "--token-stdin" in result.stderr


def test_logout_forgets_the_token(run: Run, collector: FakeCollector, store: Path) -> None:
    collector.nodes()
    run("login", "--token-stdin", stdin=b"s3cret")
    assert run("logout").stdout == f"The token for {collector.url} is forgotten.\n"
    assert msgspec.json.decode(store.read_bytes()) == {}
    assert run("logout").stdout == f"No token was stored for {collector.url}.\n"
    assert msgspec.json.decode(run("logout", "--json").stdout) == {"url": collector.url, "forgotten": False}
