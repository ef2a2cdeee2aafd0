"""Enrolment: the token is made here, kept before it is told, and kept for this node only."""

import stat
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from agent.enrolment import Enrolling, Identity, IdentityFile
from agent.errors import ConfigError
from agent.outcome import Outcome, Rejected, Reply, Unreachable
from agent.wire import Body
from protocol.enrol import Enrol, Enrolled
from protocol.messages import Engine, HeartbeatReply
from protocol.problems import ProblemType

ENGINE = Engine(engine_id="E1", swarm_node="node1", hostname="host-1")
OK = HeartbeatReply(action="ok", server_time=0.0)
UNKNOWN = Rejected(ProblemType.UNAUTHENTICATED, 401, "the token is unknown")


@dataclass
class Wire:
    """Answers with what the test says, and keeps what was sent."""

    answers: list[Outcome] = field(default_factory=list)
    sent: list[tuple[str, bytes]] = field(default_factory=list)

    async def post(self, name: str, body: Body, answer: type[Reply]) -> Outcome:
        self.sent.append((name, body.data))
        if self.answers:
            return self.answers.pop(0)
        return Enrolled(cluster="c", node="n", server_time=0.0) if answer is Enrolled else OK

    def wishes(self) -> list[Enrol]:
        return [msgspec.json.decode(data, type=Enrol) for _, data in self.sent]


@dataclass
class Agent:
    folder: Path
    engine: Engine = ENGINE
    cluster: str = ""
    node: str = ""
    poster: Wire = field(default_factory=Wire)
    joiner: Wire = field(default_factory=Wire)

    def __post_init__(self) -> None:
        files = IdentityFile(str(self.folder))
        enrolling = Enrolling(files, lambda: self.engine, cluster=self.cluster, node=self.node)
        self.way = enrolling.over(self.poster, self.joiner)

    async def beat(self) -> Outcome:
        return await self.way.post("heartbeat", Body(b"{}", ""), HeartbeatReply)

    def kept(self) -> Identity:
        found = IdentityFile(str(self.folder)).load()
        assert found is not None
        return found


async def test_it_enrols_once_before_the_first_message(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    assert [await agent.beat(), await agent.beat()] == [OK, OK]
    (wish,) = agent.joiner.wishes()
    assert (wish.node, wish.cluster, wish.engine_id, wish.hostname) == ("node1", "", "E1", "host-1")
    assert wish.token_hash == agent.kept().token_hash
    assert agent.way.token() == agent.kept().token
    assert agent.kept().token.encode() not in b"".join(data for _, data in agent.joiner.sent)


def test_the_token_lies_where_only_its_owner_reads_it(tmp_path: Path) -> None:
    IdentityFile(str(tmp_path)).save(Identity(cluster="", node="n", token="t"))
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600]


async def test_a_restart_keeps_the_token(tmp_path: Path) -> None:
    first, second = Agent(tmp_path), Agent(tmp_path)
    await first.beat()
    await second.beat()
    assert first.joiner.wishes() == second.joiner.wishes()


async def test_a_lost_answer_is_made_up_for_by_the_same_enrolment(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    agent.joiner.answers = [Unreachable("lost")]
    assert await agent.beat() == Unreachable("lost")
    assert agent.poster.sent == []
    assert await agent.beat() == OK
    first, second = agent.joiner.wishes()
    assert first == second


async def test_a_refusal_is_the_outcome_of_the_message(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    refusal = Rejected(ProblemType.CONFLICT, 409, "the node has another token", 60.0)
    agent.joiner.answers = [refusal]
    assert await agent.beat() is refusal


async def test_a_token_that_became_unknown_is_enrolled_again(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    await agent.beat()
    agent.poster.answers = [UNKNOWN]
    assert [await agent.beat(), await agent.beat()] == [UNKNOWN, OK]
    first, second = agent.joiner.wishes()
    assert first == second


async def test_a_node_that_came_back_under_a_new_id_makes_a_new_token(tmp_path: Path) -> None:
    await Agent(tmp_path).beat()
    old = Agent(tmp_path).kept()
    again = Agent(tmp_path, Engine(engine_id="E1", swarm_node="node2"))
    await again.beat()
    assert again.kept().node == "node2"
    assert again.kept().token != old.token


async def test_a_demoted_manager_keeps_what_it_enrolled_with(tmp_path: Path) -> None:
    await Agent(tmp_path, Engine(swarm_node="node1", swarm_cluster="swarm1")).beat()
    worker = Agent(tmp_path)
    await worker.beat()
    assert [wish.cluster for wish in worker.joiner.wishes()] == ["swarm1"]


@pytest.mark.parametrize(
    ("engine", "settings", "expected"),
    [
        (Engine(engine_id="E1"), ("", ""), ("", "engine:E1")),
        (Engine(engine_id="E1", swarm_node="n", swarm_cluster="s"), ("", ""), ("s", "n")),
        (Engine(engine_id="E1"), ("here", "given"), ("here", "given")),
    ],
)
async def test_what_a_node_is_called(
    tmp_path: Path, engine: Engine, settings: tuple[str, str], expected: tuple[str, str]
) -> None:
    agent = Agent(tmp_path, engine, *settings)
    await agent.beat()
    (wish,) = agent.joiner.wishes()
    assert (wish.cluster, wish.node) == expected


async def test_a_node_without_a_name_waits_for_its_engine(tmp_path: Path) -> None:
    agent = Agent(tmp_path, Engine())
    outcome = await agent.beat()
    assert isinstance(outcome, Unreachable)
    assert "MOUNTBOOK_NODE" in outcome.detail
    with pytest.raises(ConfigError):
        agent.way.token()


async def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "identity.json").write_text("{")
    agent = Agent(tmp_path)
    assert await agent.beat() == OK
    assert agent.kept().node == "node1"


async def test_a_volume_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    agent = Agent(tmp_path / "gone")
    outcome = await agent.beat()
    assert isinstance(outcome, Unreachable)
    assert "MOUNTBOOK_STATE_DIR" in outcome.detail
