"""What the command says when it cannot do what was asked."""

from typing import Final

USAGE: Final = 2
"""Exit status: usage, ambiguous or refused."""
UNREACHABLE: Final = 3
"""Exit status: the collector cannot be reached."""


class UserError(Exception):
    """A sentence for the person at the terminal: what is wrong, where, and what to do.

    ``status`` is the exit status of the command that it ends.
    """

    def __init__(self, message: str, *, status: int = USAGE) -> None:
        super().__init__(message)
        self.status = status
