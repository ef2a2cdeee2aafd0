"""Load on a Swarm: containers that come and go on one node, and questions asked from another."""

import threading
from types import TracebackType
from typing import Final, Self

from tests.swarm import shop
from tests.swarm.engines import IMAGE, Engine
from tests.swarm.hosts import LabError
from tests.swarm.swarm import Swarm


class Load:
    """For the length of a ``with``. After it: ``answers`` (IDs of the shop's containers), ``refusals`` and ``last``.

    Every container that comes has gone at the end but the last one, which is called ``churn-last``.
    """

    LABEL: Final = "churn"

    def __init__(self, swarm: Swarm, *, asking: Engine, churning: Engine) -> None:
        self.answers: list[list[str]] = []
        self.refusals: list[LabError] = []
        self.last = ""
        self._swarm, self._asking, self._churning = swarm, asking, churning
        self._enough = threading.Event()
        self._failures: list[LabError] = []
        self._threads = [threading.Thread(target=work) for work in (self._ask, self._churn)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()
        if self._failures and kind is None:
            raise self._failures[0]

    def _ask(self) -> None:
        while not self._enough.wait(0.2):
            try:
                self.answers.append([row["container_id"] for row in shop.containers(self._swarm, self._asking)])
            except LabError as exc:  # the collector that was asked may be the one that is replaced
                self.refusals.append(exc)

    def _churn(self) -> None:
        run = ("run", "--detach", "--network", "none")
        try:
            while not self._enough.wait(0.2):
                passing = self._churning.docker(*run, "--label", f"{self.LABEL}=passing", IMAGE, "sleep", "100000")
                self._churning.docker("rm", "--force", passing)
            self.last = self._churning.docker(*run, "--name", "churn-last", IMAGE, "sleep", "100000")
        except LabError as exc:
            self._failures.append(exc)
