import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process

import aiohttp


async def start(*arguments: str, **environment: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, *(arguments or ("-m", "collector")), env=environment, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )


async def listening(process: Process) -> str:
    assert process.stderr is not None
    while True:
        address = json.loads(await process.stderr.readline()).get("address", "")
        if address:
            return str(address)


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
    address = await listening(process)
    async with aiohttp.ClientSession(address) as session, session.get("/readyz") as response:
        assert response.status == 200
    process.send_signal(signal.SIGTERM)
    _, errors = await process.communicate()
    assert process.returncode == 0, errors
    assert all(json.loads(line)["level"] for line in errors.splitlines())


async def test_when_it_listens_it_searches_seldom_for_garbage(database_url: str) -> None:
    code = "import gc; from collector.__main__ import main; main(); print(gc.get_threshold()[0], gc.get_freeze_count())"
    process = await start("-c", code, MOUNTBOOK_DATABASE=database_url, MOUNTBOOK_PORT="0")
    await listening(process)
    process.send_signal(signal.SIGTERM)
    said, _ = await process.communicate()
    threshold, left_out = map(int, said.split())
    assert threshold > 10_000
    assert left_out > 10_000
