"""The root of the command: its sub-commands, each imported when it is used, and what becomes of errors.

Nothing here or in a sub-command shows a traceback: an expected error is a sentence and an exit status, an
unexpected one names its place and asks for a report.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from mountbook.errors import NOT_FOUND, SILENT, NotFoundError, UserError
from mountbook.options import note

INTERRUPTED: Final = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as shells have it."""
PIPE_CLOSED: Final = 141
"""Exit status when nobody reads the output any more: 128 + SIGPIPE."""
INPUT_OUTPUT: Final = 74
"""Exit status when standard input or output fails, a full disk say (``EX_IOERR`` of sysexits.h)."""
FAULT: Final = 70
"""Exit status of a fault in this program (``EX_SOFTWARE`` of sysexits.h)."""

SECTIONS: Final[dict[str, tuple[str, ...]]] = {
    "Questions": ("where", "whose", "ls", "nodes", "inspect", "mount-command", "status"),
    "The past": ("history", "changes", "events", "evidence"),
    "Sizes": ("df", "top", "orphans", "ghosts"),
    "Audit": ("report", "verify", "restored", "hold"),
    "This machine": ("up", "scan", "doctor"),
    "Services and administration": ("deploy", "undeploy", "agent", "collector", "migrate", "token", "login", "logout"),
    "Trials": ("simulate",),
    "Other": ("completion", "version"),
}
"""Every sub-command, as ``--help`` shows them; each is ``command`` in the module of its name (``-`` as ``_``)."""


class Mountbook(click.Group):
    """The root command. Its ``main`` always ends the process with one of the exit statuses."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of all sub-commands."""
        return [name for names in SECTIONS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a sub-command; ``None`` when there is none of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"mountbook.commands.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the sub-command; one that does not exist is answered with those that are spelled alike."""
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            from difflib import get_close_matches

            alike = get_close_matches(args[0], self.list_commands(ctx), n=3)
            hint = f" Did you mean {' or '.join(alike)}?" if alike else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sub-commands in sections."""
        limit = formatter.width - 6 - max(len(name) for name in self.list_commands(ctx))
        for title, names in SECTIONS.items():
            found = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(title):
                formatter.write_dl([(name, one.get_short_help_str(limit)) for name, one in found if one is not None])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the sub-command; a closed pipe is not left to click, which would exit with 1 (not found)."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise click.exceptions.Exit(_pipe_closed()) from None

    def main(  # type: ignore[override]  # click types the two modes as overloads; this has one
        self, args: Sequence[str] | None = None, prog_name: str | None = "mountbook", **extra: Any
    ) -> NoReturn:
        """Run a command line and exit."""
        try:
            status = self._run(args, prog_name, extra)
        except BrokenPipeError:
            status = _pipe_closed()
        except OSError as exc:
            status = _failed(exc)
        sys.exit(status)

    def _run(self, args: Sequence[str] | None, prog_name: str | None, extra: dict[str, Any]) -> int:
        try:
            status = super().main(args, prog_name, **{**extra, "standalone_mode": False})
            sys.stdout.flush()
        except (KeyboardInterrupt, click.Abort):
            return INTERRUPTED
        except click.ClickException as exc:
            exc.show()
            return exc.exit_code
        except UserError as exc:
            note(str(exc))
            return exc.status
        except NotFoundError as exc:
            return not_found(exc)
        except OSError:
            raise
        except Exception as exc:
            note(_fault(exc))
            return FAULT
        return status if isinstance(status, int) else 0


def not_found(exc: NotFoundError) -> int:
    """Say that nothing was found, and where nobody could look; return the exit status that means that."""
    note(exc.detail)
    if exc.coverage is None:
        return NOT_FOUND
    from mountbook.output.words import coverage

    note(coverage(exc.coverage))
    return NOT_FOUND if exc.coverage.complete else SILENT


def _pipe_closed() -> int:
    _give_up_output()
    return PIPE_CLOSED


def _failed(exc: OSError) -> int:
    _give_up_output()
    what = f"{exc.filename}: " if exc.filename is not None else "Input or output failed: "
    click.echo(f"{what}{exc.strerror or exc}.", err=True)
    return INPUT_OUTPUT


def _give_up_output() -> None:
    """Python flushes standard output once more at exit; that must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fault(exc: Exception) -> str:
    from traceback import extract_tb

    frames = extract_tb(exc.__traceback__)
    while isinstance(exc, ExceptionGroup):  # the group says only that there was something
        exc = exc.exceptions[0]
        frames = extract_tb(exc.__traceback__) or frames
    place = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    return (
        f"This is a fault in mountbook, not in what you typed: {type(exc).__name__}: {exc}{place}.\n"
        "Please report it with the command that you used and the output of `mountbook version`."
    )


@click.group(
    "mountbook",
    cls=Mountbook,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 found; 1 not found, every node observed; 4 not found, but nodes are silent; "
    "2 usage, ambiguous or refused; 3 the collector cannot be reached.",
)
def cli() -> None:
    """The land register of a Docker Swarm's disks.

    Where does that container keep its files, and whose directory is this?
    """
