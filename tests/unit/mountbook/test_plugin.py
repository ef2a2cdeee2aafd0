"""Docker's plugin: its metadata, and the same command behind the plugin's name."""

import json
import subprocess
import sys

from protocol.version import RELEASE


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "mountbook.plugin", *words], capture_output=True, text=True, check=False
    )


def test_docker_is_told_what_the_plugin_is() -> None:
    told = json.loads(run("docker-cli-plugin-metadata").stdout)
    assert (told["SchemaVersion"], told["Version"]) == ("0.1.0", RELEASE)
    assert {"Vendor", "ShortDescription"} <= told.keys()


def test_behind_the_plugins_name_stands_the_same_command() -> None:
    assert RELEASE in run("mountbook", "version").stdout
    assert run("mountbook", "no-such-command").returncode == 2
