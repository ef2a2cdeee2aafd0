"""``make bigreport``: a report of ten million rows from the collector's HTTP side through the command into a file.

The rows are made, not read from a database: a cursor of the database gives them in batches of 500. What is measured is
the memory of both ends, beside that of a report of ten rows. ``python -m bench.report_rows 1000000 csv`` takes fewer
rows and only these formats, ``python -m bench.report_rows serve`` is the one end.
"""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Self

from aiohttp import web

from collector.http import reports
from collector.reports import contents
from collector.reports.report import Report, Row
from protocol.answers import Bounds
from protocol.reports import FORMATS, REPORTS, ChainHead, Format, ReportCoverage, ReportHead

ROOT = Path(__file__).resolve().parent.parent
ROWS = 10_000_000
MOST_GROWTH = 8 * 1024 * 1024
"""Bytes by which memory may grow: allocators and buffers, not rows."""
_COMMAND = """
import atexit, sys
atexit.register(lambda: sys.stderr.write(open("/proc/self/status").read()))
from mountbook.__main__ import main
main()
"""
"""The command, which says at its end how much memory it used: what the kernel says of a child counts its parent's."""
_NOW = "2026-01-31T12:00:00.000000Z"


@dataclass(frozen=True, slots=True)
class Run:
    """One report: the most memory of collector and command in bytes, the size of the file, and the time."""

    collector: int
    command: int
    size: int
    seconds: float


class Ends:
    """A collector's HTTP side in a process of its own; a context manager."""

    def __enter__(self) -> Self:
        self._serving = subprocess.Popen(
            [sys.executable, "-m", "bench.report_rows", "serve"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        if self._serving.stdout is None:
            raise RuntimeError("the pipe that was asked for is missing")
        self.url = self._serving.stdout.readline().strip()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._serving.terminate()
        self._serving.wait()
        if self._serving.stdout is not None:
            self._serving.stdout.close()

    def run(self, rows: int, kind: Format, folder: Path) -> Run:
        """Let the command fetch a report of so many rows into a file of the folder."""
        path = folder / f"rows.{kind}"
        command = ["report", "rogue", "--filter", f"rows={rows}", "--url", self.url, "--output", str(path)]
        begun = perf_counter()
        child = subprocess.run(
            [sys.executable, "-c", _COMMAND, *command], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False
        )
        if child.returncode != 0 or f" {rows} rows" not in child.stderr:
            raise RuntimeError(f"the command failed: {child.stderr}")
        size = path.stat().st_size
        path.unlink()
        collector = _peak(Path(f"/proc/{self._serving.pid}/status").read_text())
        return Run(collector, _peak(child.stderr), size, perf_counter() - begun)


def _peak(text: str) -> int:
    for line in text.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"how much memory was used is not said in {text!r}")


async def _rows(count: int) -> AsyncIterator[Row]:
    moment = Bounds(after=_NOW, before=_NOW)
    for number in range(count):
        path = f"/var/lib/docker/overlay2/{number:064x}/diff"
        yield (
            "c1", "n1", "node-1", f"web-{number}", f"{number:064x}", "nginx:1.27", "running", path, moment, None,
            _NOW, f"sha256:{number:064x}", _NOW, _NOW, "", None, False,
        )  # fmt: skip


async def _answer(request: web.Request) -> web.StreamResponse:
    count = int(request.query["filter"].removeprefix("rows="))
    kind = next(kind for kind in FORMATS if kind == request.query["format"])
    head = ReportHead(
        name="rogue",
        title="Made rows",
        about=REPORTS["rogue"],
        since=_NOW,
        until=_NOW,
        filters=[],
        generated_at=_NOW,
        generator="bench",
        coverage=ReportCoverage(complete=True, nodes=1, nodes_observed=1),
        audit_log=ChainHead(register="", seq=0, hash="", chained_at=_NOW),
    )
    columns = next(one.columns for one in contents.KINDS if one.name == "rogue")
    return await reports.send(request, Report(head, columns, _rows(count)), kind, request.query.get("csv-name", ""))


async def _serve() -> None:
    app = web.Application()
    app.router.add_get("/api/v1/reports/rogue", _answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


def main(rows: int, kinds: Sequence[Format]) -> int:
    """Measure these formats and print a line of each; 1: memory grew with the rows."""
    grown = False
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            with Ends() as ends:
                few, many = ends.run(10, kind, Path(folder)), ends.run(rows, kind, Path(folder))
            most = max(many.collector - few.collector, many.command - few.command)
            # A PDF holds and draws its first rows.
            grown = grown or (kind != "pdf" and most > MOST_GROWTH)
            print(
                f"{kind:<4}  {rows:,} rows, {many.size / 1e6:,.0f} MB in {many.seconds:,.0f} s; most memory with 10 "
                f"rows and with all, MiB: collector {few.collector >> 20} and {many.collector >> 20}, "
                f"command {few.command >> 20} and {many.command >> 20}",
                flush=True,
            )
    return 1 if grown else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(_serve())
    else:
        chosen = [kind for kind in FORMATS if kind in sys.argv[2:]] or list(FORMATS)
        sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else ROWS, chosen))
