"""The configuration, from the environment to one checked object."""

from pathlib import Path

import pytest

from agent.config import DEFAULT_DOCKER_HOST, ENVIRONMENT, Config, from_environment
from agent.errors import ConfigError

LEAST = {"MOUNTBOOK_URL": "http://127.0.0.1:8480", "MOUNTBOOK_TOKEN": "secret-token"}


def problems(**more: str) -> str:
    with pytest.raises(ConfigError) as caught:
        from_environment(LEAST | more)
    return "\n".join(caught.value.problems)


def test_an_address_and_a_token_are_enough() -> None:
    config = from_environment(LEAST)
    assert (config.collectors, config.docker_host) == (("http://127.0.0.1:8480",), DEFAULT_DOCKER_HOST)


def test_several_collectors_are_separated_by_commas() -> None:
    config = from_environment(LEAST | {"MOUNTBOOK_URL": "http://a:1, https://b:2,"})
    assert config.collectors == ("http://a:1", "https://b:2")


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        from_environment({"DOCKER_HOST": "ssh://there", "MOUNTBOOK_RELIST": "often", "MOUNTBOOK_STATE_DIR": "here"})
    assert len(caught.value.problems) == 6, caught.value.problems


@pytest.mark.parametrize("url", ["collector:8480", "ftp://a", "http://", "http://a:port", "http://[::1", "http://a/?q"])
def test_an_address_that_is_none_is_named(url: str) -> None:
    assert repr(url) in problems(MOUNTBOOK_URL=url)


def test_an_empty_engine_address_means_files_only() -> None:
    assert from_environment(LEAST | {"DOCKER_HOST": ""}).docker_host == ""


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e9"])
def test_a_relist_that_makes_no_sense_is_named(seconds: str) -> None:
    assert "MOUNTBOOK_RELIST" in problems(MOUNTBOOK_RELIST=seconds)


def test_a_token_with_a_line_break_is_named_but_not_shown() -> None:
    said = problems(MOUNTBOOK_TOKEN="half\nother")
    assert "MOUNTBOOK_TOKEN" in said
    assert "half" not in said


def test_the_token_is_not_part_of_what_is_printed() -> None:
    assert "secret-token" not in repr(from_environment(LEAST))


def test_the_hosts_root_ends_with_no_slash(tmp_path: Path) -> None:
    assert from_environment(LEAST | {"MOUNTBOOK_HOST_ROOT": f"{tmp_path}/"}).host_root == str(tmp_path)


def test_every_variable_names_the_field_it_sets() -> None:
    fields = set(Config.__dataclass_fields__)
    named = {text.split(":")[0] for text in ENVIRONMENT.values()}
    assert named <= fields, named - fields


@pytest.mark.parametrize("share", ["-0.1", "1.5", "much"])
def test_the_share_of_a_core_for_measuring_is_between_none_and_a_whole_one(share: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_environment(LEAST | {"MOUNTBOOK_MEASURE_SHARE": share})
    assert "MOUNTBOOK_MEASURE_SHARE" in str(caught.value)
