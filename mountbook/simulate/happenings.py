"""The faults that have a moment: processes that are killed, and a network that falls apart for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from mountbook.simulate.fleet import Fleet
from mountbook.simulate.options import Faults
from mountbook.simulate.stage import Stage

_AWAY: Final = 1.0
"""Seconds that what was killed stays away."""
_RECOVERY: Final = 300.0
"""Seconds after which nobody waits any longer for every agent to be answered again."""
_POLL: Final = 0.1

_Plan = tuple[float, Callable[[], Awaitable[None]]]


class Happenings:
    """Lets these faults happen at their moments, over ``seconds`` of changes.

    ``recovery`` is how many seconds passed from the last kill until every agent had an answer again, None without one.
    """

    def __init__(self, faults: Faults, seconds: float, stage: Stage, fleet: Fleet) -> None:
        self.recovery: float | None = None
        self._faults, self._seconds, self._stage, self._fleet = faults, seconds, stage, fleet

    async def run(self) -> None:
        """Let everything happen in turn; returns after the last.

        Raises:
            UserError: what was killed does not start again.
        """
        began = time.monotonic()
        for share, happening in self._plan():
            await asyncio.sleep(began + share * self._seconds - time.monotonic())
            await happening()

    def _plan(self) -> list[_Plan]:
        """Return what happens after which share of the time."""
        plan: list[_Plan] = []
        if self._faults.amount("kill-agents"):
            plan += [(0.2, self._kill_agents), (0.8, self._kill_agents)]
        if self._faults.amount("partition"):
            plan += [(1 / 3, self._part), (2 / 3, self._unite)]
        if self._faults.amount("kill-collector"):
            plan.append((0.45, self._kill_collector))
        if self._faults.amount("kill-postgres"):
            plan.append((0.55, self._kill_postgres))
        return sorted(plan, key=lambda one: one[0])

    async def _kill_agents(self) -> None:
        self._fleet.restart(self._faults.amount("kill-agents"))

    async def _part(self) -> None:
        self._fleet.cut(self._faults.amount("partition"))

    async def _unite(self) -> None:
        self._fleet.cut(0.0)

    async def _kill_collector(self) -> None:
        began = time.monotonic()
        self._fleet.traffic.faults["kill-collector"] += 1
        await self._stage.kill_collector(_AWAY)
        await self._recovered(began)

    async def _kill_postgres(self) -> None:
        began = time.monotonic()
        self._fleet.traffic.faults["kill-postgres"] += 1
        await self._stage.kill_postgres(_AWAY)
        await self._recovered(began)

    async def _recovered(self, began: float) -> None:
        """Wait until every agent that is not cut off was answered after what was killed came back."""
        back = time.monotonic()
        while time.monotonic() - back < _RECOVERY:
            if all(agent.cut or agent.answered_at > back for agent in self._fleet.agents):
                self.recovery = round(time.monotonic() - began, 3)
                return
            await asyncio.sleep(_POLL)
        self.recovery = round(time.monotonic() - began, 3)
