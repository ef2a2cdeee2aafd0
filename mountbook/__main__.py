"""``mountbook`` and ``python -m mountbook``."""

import sys

from mountbook.cli import cli


def main() -> None:
    """Run the command that was typed, and exit."""
    for stream in (sys.stdout, sys.stderr):
        # A locale that is not UTF-8 must not turn a path into an error.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # they are text streams here
    cli.main()


if __name__ == "__main__":
    main()
