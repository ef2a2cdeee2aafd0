"""What earlier releases said is still understood, and so is what was said to them."""

import json
from collections import defaultdict
from typing import Any, Final

import aiohttp
import msgspec
import psycopg
import pytest

from collector import identity
from collector.config import Config
from collector.store.engine import Database
from protocol.messages import Applied, HeartbeatReply, HelloReply
from protocol.usage import UsageReply
from tests.integration.collector.serving import collector
from tests.releases.conftest import Release

ANSWERS: Final[dict[str, type[msgspec.Struct]]] = {
    "hello": HelloReply,
    "snapshot": Applied,
    "delta": Applied,
    "heartbeat": HeartbeatReply,
    "usage": UsageReply,
}


def conversations(release: Release) -> dict[str, list[dict[str, Any]]]:
    """Return what every agent and its collector said, in order."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in (release.files / "messages.jsonl").read_text().splitlines():
        spoken = json.loads(line)
        found[spoken["agent"]].append(spoken)
    return found


def kind(spoken: dict[str, Any]) -> str:
    """Return which message it is."""
    return str(spoken["path"]).rpartition("/")[2]


def test_every_message_was_recorded(release: Release) -> None:
    assert {kind(spoken) for said in conversations(release).values() for spoken in said} == set(ANSWERS)


def test_its_answers_are_understood(release: Release) -> None:
    for said in conversations(release).values():
        for spoken in said:
            msgspec.json.decode(msgspec.json.encode(spoken["answer"]), type=ANSWERS[kind(spoken)])


async def test_its_agents_are_understood_and_get_what_they_got(
    release: Release, database: Database, database_url: str
) -> None:
    async with collector(Config(database_url=database_url, flush=0.01)) as session:
        for agent, said in conversations(release).items():
            token = await identity.add(database, "agent", cluster="old", node=agent)
            await _replay(session, {"Authorization": f"Bearer {token}"}, said)
            last = [spoken["request"]["state_hash"] for spoken in said if "state_hash" in spoken["request"]][-1]
            with psycopg.connect(database_url) as connection:
                held = connection.execute("SELECT encode(state_hash, 'hex') FROM nodes WHERE node = %s", (agent,))
                assert held.fetchone() == (last,)


async def _replay(session: aiohttp.ClientSession, headers: dict[str, str], said: list[dict[str, Any]]) -> None:
    generation = ""
    for spoken in said:
        request = dict(spoken["request"])
        if kind(spoken) != "hello":
            request["generation"] = generation
        async with session.post(spoken["path"], json=request, headers=headers) as response:
            answer = await response.json()
            assert response.status == spoken["status"], answer
        generation = answer.get("generation", generation)
        _as_before(answer, spoken["answer"], kind(spoken))


def _as_before(now: Any, then: Any, where: str) -> None:
    """Check that everything is there that was there, of the same type: an old agent may need it."""
    if isinstance(then, dict):
        assert isinstance(now, dict), where
        for name, value in then.items():
            assert name in now, f"{where} has lost {name}"
            _as_before(now[name], value, f"{where}.{name}")
    elif then is not None and not isinstance(then, (int, float)):
        assert type(now) is type(then), where


@pytest.mark.parametrize("field", ["from_tomorrow"])
async def test_fields_of_a_later_release_are_passed_over(
    release: Release, database: Database, database_url: str, field: str
) -> None:
    async with collector(Config(database_url=database_url, flush=0.01)) as session:
        agent, said = next(iter(conversations(release).items()))
        token = await identity.add(database, "agent", cluster="new", node=agent)
        for spoken in said:
            spoken["request"][field] = {"deep": [1, 2, 3]}
        await _replay(session, {"Authorization": f"Bearer {token}"}, said[:10])
