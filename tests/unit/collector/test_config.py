"""The collector's configuration: read once, checked whole."""

from pathlib import Path

import pytest

from collector.config import ENVIRONMENT, Config, from_environment
from collector.errors import ConfigError

URL = "postgresql://mountbook@db/mountbook"


def problems(environment: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        from_environment(environment)
    return caught.value.problems


def test_a_database_is_all_that_has_to_be_named() -> None:
    config = from_environment({"MOUNTBOOK_DATABASE": URL})
    assert (config.database_url, config.host, config.port) == (URL, "127.0.0.1", 8480)
    assert config.silent_after == 45


def test_every_variable_sets_its_field() -> None:
    config = from_environment(
        {
            "MOUNTBOOK_DATABASE": URL,
            "MOUNTBOOK_HOST": "0.0.0.0",
            "MOUNTBOOK_PORT": "0",
            "MOUNTBOOK_INGEST_POOL": "3",
            "MOUNTBOOK_QUERY_POOL": "4",
            "MOUNTBOOK_INGEST_TIMEOUT": "5",
            "MOUNTBOOK_QUERY_TIMEOUT": "6.5",
            "MOUNTBOOK_HEARTBEAT": "2",
            "MOUNTBOOK_RELIST": "7",
        }
    )
    assert config == Config(
        database_url=URL,
        host="0.0.0.0",
        port=0,
        ingest_pool=3,
        query_pool=4,
        ingest_timeout=5,
        query_timeout=6.5,
        heartbeat=2,
        relist=7,
    )


def test_every_problem_is_reported_at_once_and_names_its_variable() -> None:
    found = problems(
        {
            "MOUNTBOOK_DATABASE": "mysql://db/mountbook",
            "MOUNTBOOK_HOST": " ",
            "MOUNTBOOK_PORT": "70000",
            "MOUNTBOOK_INGEST_POOL": "many",
            "MOUNTBOOK_QUERY_TIMEOUT": "soon",
            "MOUNTBOOK_HEARTBEAT": "nan",
        }
    )
    assert len(found) == 6
    for name in ("DATABASE", "HOST", "PORT", "INGEST_POOL", "QUERY_TIMEOUT", "HEARTBEAT"):
        assert any(f"MOUNTBOOK_{name}" in problem for problem in found), name


def test_no_database_says_what_to_set() -> None:
    (problem,) = problems({})
    assert "set MOUNTBOOK_DATABASE" in problem


@pytest.mark.parametrize("url", ["postgresql://me:hunter2@db:port/x", "http://me:hunter2@db/x"])
def test_a_password_is_not_repeated(url: str) -> None:
    assert "hunter2" not in " ".join(problems({"MOUNTBOOK_DATABASE": url}))
    assert "hunter2" not in repr(Config(database_url=url))


def test_the_address_may_stand_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "database"
    secret.write_text(URL + "\n")
    assert from_environment({"MOUNTBOOK_DATABASE_FILE": str(secret)}).database_url == URL
    assert "both set" in problems({"MOUNTBOOK_DATABASE_FILE": str(secret), "MOUNTBOOK_DATABASE": URL})[0]
    (missing,) = problems({"MOUNTBOOK_DATABASE_FILE": str(tmp_path / "none")})
    assert "No such file" in missing


def test_every_documented_variable_says_which_field_it_sets() -> None:
    for name, meaning in ENVIRONMENT.items():
        assert hasattr(Config(database_url=URL), meaning.split(":")[0]), name


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://ada@db/register", "postgresql://ada:a%2Fb%40c@db/register"),
        ("postgresql://ada:own@db/register", "postgresql://ada:own@db/register"),
        ("postgresql://db/register", "postgresql://db/register"),
    ],
)
def test_a_password_from_a_file_is_put_where_the_address_lacks_one(tmp_path: Path, url: str, expected: str) -> None:
    (tmp_path / "password").write_text("a/b@c\n")
    given = {"MOUNTBOOK_DATABASE": url, "MOUNTBOOK_DATABASE_PASSWORD_FILE": str(tmp_path / "password")}
    assert from_environment(given).database_url == expected


def test_secrets_are_read_from_files_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "join").write_text("join-secret-0123456789\n")
    (tmp_path / "admin").write_text("admin-token-0123456789\n")
    given = {
        "MOUNTBOOK_DATABASE": URL,
        "MOUNTBOOK_JOIN_SECRET_FILE": str(tmp_path / "join"),
        "MOUNTBOOK_ADMIN_TOKEN_FILE": str(tmp_path / "admin"),
    }
    config = from_environment(given)
    assert (config.join_secret, config.admin_token) == ("join-secret-0123456789", "admin-token-0123456789")
    assert "0123456789" not in repr(config)
    (tmp_path / "admin").write_text("join-secret-0123456789")
    assert "the same" in problems(given)[0]
    (tmp_path / "admin").write_text("admin token 0123456789")
    assert problems(given) == (
        "MOUNTBOOK_ADMIN_TOKEN_FILE: write one word, without blanks: `mountbook` sends no other token",
    )
    (tmp_path / "join").write_text("short")
    assert "MOUNTBOOK_JOIN_SECRET_FILE" in problems(given)[0]
    (tmp_path / "join").write_text(" ")
    assert "is empty" in problems(given)[0]
