"""``python -m migrations``: bring the database that the collector's settings name to this release's form, and end.

A one-shot step of a stack: its exit status is 0 when there is nothing left to do, so that it is not run again.
"""

import os
import sys

from collector.config import from_environment
from collector.errors import CollectorError, ConfigError
from migrations.run import upgrade


def main() -> int:
    """Migrate; return the exit status."""
    try:
        config = from_environment(os.environ)
        upgrade(config.database_url, lambda step: print(step, flush=True))  # noqa: T201 - a person reads it
    except ConfigError as exc:
        sys.stderr.writelines(f"migrations: {problem}\n" for problem in exc.problems)
        return 2
    except CollectorError as exc:
        sys.stderr.write(f"migrations: {exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
