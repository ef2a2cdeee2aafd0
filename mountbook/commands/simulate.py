"""``mountbook simulate``: many simulated agents against a real collector."""

import sys

import click

from mountbook import options

_FAULTS = (
    "kill-collector, kill-postgres, kill-agents:SHARE, lose:SHARE, delay:SECONDS, duplicate:SHARE, partition:SHARE, "
    "drop-events:SHARE; several with commas between them"
)


@click.command(short_help="Run thousands of simulated agents against a real collector.")
@click.option("--nodes", type=click.IntRange(1, 15_000), default=100, show_default=True, help="Simulated nodes.")
@click.option(
    "--containers", type=click.IntRange(1, 1000), default=30, show_default=True, help="Containers of each node."
)
@click.option(
    "--churn",
    type=click.FloatRange(0, 100_000),
    default=10.0,
    show_default=True,
    help="Changes a second over all nodes: containers that start, end or are removed.",
)
@click.option(
    "--seconds", type=click.FloatRange(0, 86_400), default=30.0, show_default=True, help="How long changes go on."
)
@click.option("--burst", metavar="RATE:SECONDS", help="After that, so many changes a second for so long, as 500:60.")
@click.option("--faults", default="", metavar="FAULTS", help=f"What goes wrong meanwhile: {_FAULTS}.")
@click.option("--seed", type=int, default=1, show_default=True, help="Where the random numbers begin.")
@click.option(
    "--heartbeat",
    type=click.FloatRange(0.1, 3600),
    default=15.0,
    show_default=True,
    help="Seconds between two heartbeats of an agent.",
)
@click.option(
    "--relist",
    type=click.FloatRange(0.1, 86_400),
    default=300.0,
    show_default=True,
    help="Least seconds between two full looks of an agent.",
)
@click.option(
    "--settle",
    type=click.FloatRange(1, 3600),
    default=180.0,
    show_default=True,
    help="Seconds that the first reports, and convergence at the end, may take.",
)
@click.option("--database", metavar="URL", help="Use this PostgreSQL, not an embedded one. It must hold no real nodes.")
@click.option("--url", metavar="URL", help="Report to this collector, not to one of our own; needs its --database.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    nodes: int,
    containers: int,
    churn: float,
    seconds: float,
    burst: str | None,
    faults: str,
    seed: int,
    heartbeat: float,
    relist: float,
    settle: float,
    database: str | None,
    url: str | None,
    as_json: bool,
) -> int:
    """Run simulated agents against a real collector and PostgreSQL, and see whether they agree in the end.

    The agents are real in all but what they look at: nodes in memory. Unless told otherwise a PostgreSQL and a
    collector are started, and removed at the end. Changes are asked for through `where` until they are there.

    Exit status: 0 everything converged and nothing was lost; 1 it did not; 2 it cannot be simulated.
    """
    try:
        what = options.need("mountbook.simulate.options", "local")
        simulate = options.need("mountbook.simulate.run", "local")
        words = options.need("mountbook.simulate.summary", "local")
        phases = [what.Phase(churn, seconds)] + ([what.parse_burst(burst)] if burst is not None else [])
        wanted = what.Options(
            nodes=nodes,
            containers=containers,
            phases=tuple(phases),
            faults=what.parse_faults(faults),
            seed=seed,
            heartbeat=heartbeat,
            relist=relist,
            settle=settle,
            database=database or "",
            url=(url or "").rstrip("/"),
        )
        view = _View()
        try:
            found = simulate.run(wanted, view.say, view.every)
        finally:
            view.end()
    except ModuleNotFoundError as exc:
        raise options.missing(exc, "local") from exc
    if as_json:
        options.write_json(found)
    else:
        for line in words.lines(found):
            click.echo(line)
    return 0 if found.well else 1


class _View:
    """The progress: one line that changes on a terminal, else a line from time to time, on standard error."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self.every = 1.0 if self._live else 5.0

    def say(self, line: str) -> None:
        if not self._live:
            click.echo(line, err=True)
            return
        import shutil

        click.echo(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", err=True, nl=False)

    def end(self) -> None:
        if self._live:
            click.echo("\r\x1b[K", err=True, nl=False)
