"""A short simulation with real processes: faults happen, and both sides agree in the end."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mountbook", "simulate", "--heartbeat", "1", "--settle", "600", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_forty_nodes_converge_after_faults(database_url: str) -> None:
    size = ("--nodes", "40", "--containers", "5", "--churn", "20", "--seconds", "3")
    faults = ("--faults", "kill-collector,kill-agents,lose:0.1,delay:0.2,duplicate,drop-events")
    ended = simulate(*size, *faults, "--database", database_url, "--json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(ended.stdout)
    assert (found["nodes"], found["converged"], found["missing"], found["unanswered"]) == (40, True, 0, 0)
    assert found["acknowledged_versions"] > 0
    happened = {name for name, count in found["faults_seen"].items() if count}
    assert happened == {"kill-collector", "kill-agents", "lose", "delay", "duplicate", "drop-events"}
    assert found["recovery_seconds"] > 0


def test_a_register_of_real_nodes_is_left_alone(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO nodes (cluster, node, state_hash, changed_at) VALUES ('c', 'n', '', clock_timestamp())"
        )
    ended = simulate("--database", database_url)
    assert ended.returncode == 2
    assert "holds 1 nodes that are not simulated" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_simulation_that_is_told_to_end_leaves_nothing_running(database_url: str, tmp_path: Path) -> None:
    in_background = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]  # a shell has it ignore SIGINT there
    simulation = [sys.executable, "-m", "mountbook", "simulate", "--nodes", "5", "--seconds", "600", "--churn", "1"]
    command = [*in_background, *simulation]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [*command, "--heartbeat", "1", "--database", database_url], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        while "changes/s" not in (line := process.stderr.readline()):
            assert line, "it ended before the first change"
        process.terminate()
        process.communicate()
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []
    until = time.monotonic() + 60  # a backend ends a moment after its client
    while _connections(database_url):
        assert time.monotonic() < until, "the collector is still connected"
        time.sleep(0.1)


def _connections(database_url: str) -> int:
    """Return how many others are connected to the database."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(database_url) as connection:
        found = connection.execute(others).fetchone()
    return found[0] if found is not None else 0
