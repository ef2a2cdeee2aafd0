"""What the command says when it cannot do what was asked."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from protocol.answers import Coverage

NOT_FOUND: Final = 1
"""Exit status: not found, and every node was observed."""
SILENT: Final = 4
"""Exit status: not found, but nodes are silent."""
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


class NotFoundError(Exception):
    """The register knows nothing by that name. ``coverage`` says which nodes it spoke for, if it said so."""

    def __init__(self, detail: str, coverage: "Coverage | None") -> None:
        super().__init__(detail)
        self.detail = detail
        self.coverage = coverage
