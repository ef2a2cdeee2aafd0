"""Docker's own command: it deploys stacks, and uses whatever context or host the operator's shell does."""

import os
import subprocess
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from mountbook.errors import UNREACHABLE, UserError

T = TypeVar("T")

_NOBODY: Final = ("Cannot connect to the Docker daemon", "permission denied", "error during connect", "no such host")


class Docker:
    """Runs ``docker``; ``program`` is what to run, ``environment`` is added to this process's own."""

    def __init__(self, program: str = "docker", environment: Mapping[str, str] | None = None) -> None:
        self._program = program
        self._environment = {**os.environ, **(environment or {})}

    def run(self, *words: str, given: str | None = None, **environment: str) -> str:
        """Run one command, ``given`` on its standard input, and return what it printed, stripped.

        Raises:
            UserError: it failed, with its own words; status 3 when no engine answers.
        """
        try:
            done = subprocess.run(  # noqa: S603 - a list of words, no shell
                [self._program, *words],
                input=given or "",
                capture_output=True,
                text=True,
                check=False,
                env={**self._environment, **environment},
            )
        except OSError as exc:
            raise UserError(f"Docker's command cannot be run: {self._program}: {exc.strerror}.") from exc
        if done.returncode != 0:
            said = done.stderr.strip() or f"it ended with {done.returncode}"
            status = UNREACHABLE if any(text in said for text in _NOBODY) else 2
            raise UserError(f"docker {' '.join(words[:2])}: {said}", status=status)
        return done.stdout.strip()

    def read(self, shape: type[T], *words: str) -> T:
        """Run one command that prints JSON, and return it as ``shape``.

        Raises:
            UserError: as ``run``, or what it printed is something else.
        """
        said = self.run(*words)
        try:
            return msgspec.json.decode(said or "null", type=shape)
        except msgspec.DecodeError as exc:
            raise UserError(f"docker {' '.join(words[:2])} printed something unexpected: {exc}") from exc

    def inspect(self, shape: type[T], kind: str, names: list[str]) -> list[T]:
        """Return what ``docker KIND inspect`` says of these, none of them when there are none.

        Raises:
            UserError: as ``read``.
        """
        return self.read(list[shape], kind, "inspect", *names) if names else []  # type: ignore[valid-type]

    def names(self, *words: str) -> list[str]:
        """Return the words of a list, such as ``node ls -q``.

        Raises:
            UserError: as ``run``.
        """
        return self.run(*words).split()


Json = dict[str, Any]
