from random import Random

import pytest

from agent.outcome import Outcome, Rejected, Reply, Unreachable
from agent.wire import Body
from mountbook.simulate.line import Traffic, Weather
from mountbook.simulate.options import Faults
from protocol.messages import HeartbeatReply
from protocol.problems import ProblemType

BODY = Body(b"{}", "")
OK = HeartbeatReply(action="ok", server_time=1.0)


class Way:
    """Counts what arrives, and answers always the same."""

    def __init__(self, answer: Outcome = OK) -> None:
        self.answer = answer
        self.messages: list[tuple[str, Body, type[Reply]]] = []

    @property
    def arrived(self) -> int:
        return len(self.messages)

    async def post(self, name: str, body: Body, answer: type[Reply]) -> Outcome:
        self.messages.append((name, body, answer))
        return self.answer


def weather(**faults: float) -> Weather:
    return Weather(Faults({name.replace("_", "-"): amount for name, amount in faults.items()}), Random(1), Traffic())


async def test_without_faults_everything_arrives_once_and_is_counted() -> None:
    way, clear = Way(), weather()
    assert await clear.post(way, False, "heartbeat", BODY, HeartbeatReply) == OK
    assert way.arrived == 1
    assert clear.traffic.requests == {"heartbeat": 1}


@pytest.mark.parametrize(
    ("answer", "rejections", "unreachable"),
    [
        (Rejected(ProblemType.BUSY, 503, "later"), {"503 busy": 1}, {}),
        (Rejected(None, 500, "?"), {"500 unknown": 1}, {}),
        (Unreachable("http://x cannot be reached: refused"), {}, {"connection": 1}),
        (Unreachable("http://x did not answer in 30 s"), {}, {"time": 1}),
    ],
)
async def test_what_is_no_answer_is_counted_by_its_reason(
    answer: Outcome, rejections: dict[str, int], unreachable: dict[str, int]
) -> None:
    clear = weather()
    await clear.post(Way(answer), False, "delta", BODY, HeartbeatReply)
    assert (clear.traffic.rejections, clear.traffic.unreachable) == (rejections, unreachable)


async def test_of_what_is_lost_half_has_arrived() -> None:
    way, bad = Way(), weather(lose=1.0)
    for _ in range(200):
        assert isinstance(await bad.post(way, False, "delta", BODY, HeartbeatReply), Unreachable)
    assert 60 < way.arrived < 140
    assert bad.traffic.faults["lose"] == 200


async def test_a_duplicate_arrives_later() -> None:
    way, bad = Way(), weather(duplicate=1.0)
    assert await bad.post(way, False, "delta", BODY, HeartbeatReply) == OK
    assert way.arrived == 1
    await bad.settled()
    assert way.arrived == 2


async def test_nothing_leaves_a_partition() -> None:
    way, clear = Way(), weather()
    assert isinstance(await clear.post(way, True, "delta", BODY, HeartbeatReply), Unreachable)
    assert way.arrived == 0


async def test_the_weather_clears() -> None:
    way, bad = Way(), weather(lose=1.0)
    bad.clear()
    assert await bad.post(way, False, "delta", BODY, HeartbeatReply) == OK
