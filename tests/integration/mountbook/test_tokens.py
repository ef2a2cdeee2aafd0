"""Tokens, made, listed and ended next to the database."""

from pathlib import Path

import pytest

from mountbook.errors import UserError
from mountbook.local import services, tokens
from mountbook.local.postgres import named_or_running


def test_a_token_is_made_listed_without_its_secret_and_ended(database_url: str) -> None:
    secret = tokens.create(database_url, "agent", "c1", "n1", "the first")
    tokens.create(database_url, "operator", None, None, "")
    agent, operator = tokens.list_tokens(database_url)
    assert (agent.role, agent.cluster, agent.node, agent.comment) == ("agent", "c1", "n1", "the first")
    assert operator.role == "operator"
    assert secret not in repr(tokens.list_tokens(database_url))
    tokens.revoke(database_url, agent.prefix)
    assert [one.revoked_at is None for one in tokens.list_tokens(database_url)] == [False, True]


def test_what_names_no_token_is_a_sentence(database_url: str) -> None:
    with pytest.raises(UserError, match="no valid token"):
        tokens.revoke(database_url, "0123456789")
    with pytest.raises(UserError, match="give cluster and node"):
        tokens.create(database_url, "agent", None, None, "")


def test_a_database_that_is_not_migrated_names_the_command(empty_database_url: str) -> None:
    with pytest.raises(UserError, match="mountbook migrate"):
        tokens.list_tokens(empty_database_url)
    said: list[str] = []
    services.migrate(empty_database_url, said.append)
    assert said
    assert tokens.list_tokens(empty_database_url) == []


def test_an_address_that_is_none_is_refused_before_anything_is_tried() -> None:
    with pytest.raises(UserError, match="postgresql://USER"):
        tokens.list_tokens("mysql://x/y")
    with pytest.raises(UserError, match="postgresql://USER"):
        services.migrate("mysql://x/y", lambda _: None)


def test_a_password_that_an_address_lacks_is_in_the_file_that_the_environment_names(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("a/b\n")
    environ = {"MOUNTBOOK_DATABASE_PASSWORD_FILE": str(file)}
    named = {
        "postgresql://me@db/x": "postgresql://me:a%2Fb@db/x",
        "postgresql://me:own@db/x": "postgresql://me:own@db/x",
    }
    assert {url: named_or_running(url, environ) for url in named} == named
    assert named_or_running("postgresql://me@db/x", {}) == "postgresql://me@db/x"
    file.unlink()
    with pytest.raises(UserError, match=f"{file} cannot be read"):
        named_or_running("postgresql://me@db/x", environ)
