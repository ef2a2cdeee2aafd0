import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process

import aiohttp


async def start(**environment: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "collector", env=environment, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )


async def test_every_problem_of_the_configuration_is_told_at_once() -> None:
    process = await start(MOUNTBOOK_PORT="many", MOUNTBOOK_HOST="")
    _, errors = await process.communicate()
    assert process.returncode == 2
    lines = errors.decode().splitlines()
    assert len(lines) == 3
    assert all(line.startswith("collector: ") for line in lines)
    assert {"MOUNTBOOK_PORT", "MOUNTBOOK_HOST", "MOUNTBOOK_DATABASE"} <= set(errors.decode().replace(";", " ").split())


async def test_a_database_that_is_not_migrated_ends_it_with_the_command_to_run(empty_database_url: str) -> None:
    process = await start(MOUNTBOOK_DATABASE=empty_database_url, MOUNTBOOK_PORT="0", MOUNTBOOK_PATIENCE="0")
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert "mountbook migrate" in errors.decode()
    assert "Traceback" not in errors.decode()


async def test_it_logs_json_serves_and_ends_when_told(database_url: str) -> None:
    process = await start(MOUNTBOOK_DATABASE=database_url, MOUNTBOOK_PORT="0")
    assert process.stderr is not None
    address = ""
    while not address:
        line = json.loads(await process.stderr.readline())
        address = line.get("address", "")
    async with aiohttp.ClientSession(address) as session, session.get("/readyz") as response:
        assert response.status == 200
    process.send_signal(signal.SIGTERM)
    _, errors = await process.communicate()
    assert process.returncode == 0, errors
    assert all(json.loads(line)["level"] for line in errors.splitlines())
