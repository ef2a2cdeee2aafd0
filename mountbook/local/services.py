"""What the commands ``agent``, ``collector`` and ``migrate`` start: the same as ``python -m`` does."""

from collections.abc import Callable

from mountbook.errors import UserError


def run_agent() -> int:
    """Run the agent as the environment says; return its exit status."""
    from agent.__main__ import main

    return main([])


def run_collector() -> int:
    """Run a collector as the environment says; return its exit status."""
    from collector.__main__ import main

    return main()


def migrate(database: str | None, say: Callable[[str], None]) -> None:
    """Bring a database to the form that this release needs: the named one, or that of a running ``up``.

    Raises:
        UserError: it cannot be used, or none is named.
    """
    from collector.config import Config
    from collector.errors import CollectorError, ConfigError
    from migrations.run import upgrade
    from mountbook.local import postgres

    url = postgres.named_or_running(database)
    try:
        Config(database_url=url).check()
        upgrade(url, say)
    except ConfigError as exc:
        raise UserError("\n".join(exc.problems)) from exc
    except CollectorError as exc:
        raise UserError(str(exc)) from exc
