"""``mountbook`` and ``python -m mountbook``."""

import sys


def main() -> None:
    """Run the command that was typed, and exit."""
    try:
        for stream in (sys.stdout, sys.stderr):
            # A locale that is not UTF-8 must not turn a path into an error.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # they are text streams here
        from mountbook.cli import cli
    except KeyboardInterrupt:  # while modules are still being imported
        sys.exit(130)
    cli.main()


if __name__ == "__main__":
    main()
