import hashlib
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result

from mountbook.errors import UNREACHABLE, USAGE
from mountbook.wholefile import FAILED
from protocol.problems import ProblemType
from protocol.reports import MULTIPART, REPORTS
from tests.unit.mountbook.conftest import Run
from tests.unit.mountbook.fake_collector import FakeCollector, Reply, Request

ROOT = Path(__file__).parents[4]
CSV = b"# report,rogue,\r\nname,node,\r\nweb,n1,\r\ndb,n2,\r\n# end,2,\r\n"
HTML = b"<!doctype html><p>web</p>\n<!-- complete: 2 rows -->\n"
JSON = b'{"report":{},\n"columns":[],\n"rows":[\n{},\n{}\n],\n"end":{"rows":2}}\n'
PDF = b"%PDF-1.4\n--not the boundary\r\n--bound\n%%EOF\n"
FILES = {"csv": (CSV, "text/csv"), "html": (HTML, "text/html"), "json": (JSON, "application/json")}


def answer(request: Request) -> Reply:
    kind = request.query["format"][0]
    if kind in FILES:
        return Reply(*reversed_media(*FILES[kind]))
    if MULTIPART in request.headers["accept"]:
        parts = ((CSV, "text/csv; charset=utf-8"), (PDF, "application/pdf"))
        body = b"".join(
            b"\r\n--boundary1\r\nContent-Type: %b\r\n\r\n%b" % (media.encode(), part) for part, media in parts
        )
        return Reply(body[2:] + b"\r\n--boundary1--\r\n", media=f'{MULTIPART}; boundary="boundary1"')
    return Reply(PDF, media="application/pdf")


def reversed_media(body: bytes, media: str) -> tuple[bytes, int, str]:
    return body, 200, f"{media}; charset=utf-8"


@pytest.fixture
def rogue(collector: FakeCollector) -> FakeCollector:
    collector.give("/api/v1/reports/rogue", answer)
    return collector


def only(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


@pytest.mark.parametrize(("name", "content"), [("r.csv", CSV), ("r.html", HTML), ("r.json", JSON), ("r.HTM", HTML)])
def test_the_files_ending_says_the_format(
    run: Run, rogue: FakeCollector, tmp_path: Path, name: str, content: bytes
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    result = run("report", "rogue", "--output", str(folder / name))
    assert result.exit_code == 0, result.stderr
    assert (folder / name).read_bytes() == content
    assert only(folder) == [name]
    assert f"{name}: 2 rows." in result.stderr


def test_window_filters_and_node_are_asked_for(run: Run, rogue: FakeCollector, tmp_path: Path) -> None:
    run("report", "rogue", "--since", "24h", "--until", "1h", "-f", "image=nginx", "-f", "state=running",
        "--node", "n1", "--json")  # fmt: skip
    (request,) = rogue.requests
    assert request.query == {
        "since": ["24h"],
        "until": ["1h"],
        "filter": ["image=nginx", "state=running"],
        "node": ["n1"],
        "format": ["json"],
    }


@pytest.mark.parametrize(("options", "content"), [((), HTML), (("--format", "csv"), CSV), (("--json",), JSON)])
def test_without_a_file_it_goes_to_standard_output(
    run: Run, rogue: FakeCollector, options: tuple[str, ...], content: bytes
) -> None:
    result = run("report", "rogue", *options)
    assert (result.exit_code, result.stdout_bytes) == (0, content)


def test_a_pdf_brings_the_csv_that_it_names(run: Run, rogue: FakeCollector, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    result = run("report", "rogue", "-o", str(folder / "march.pdf"))
    assert result.exit_code == 0, result.stderr
    assert (folder / "march.pdf").read_bytes() == PDF
    assert (folder / "march.csv").read_bytes() == CSV
    assert only(folder) == ["march.csv", "march.pdf"]
    assert rogue.requests[0].query["csv-name"] == ["march.csv"]


def test_a_pdf_alone_can_be_piped(run: Run, rogue: FakeCollector) -> None:
    assert run("report", "rogue", "--format", "pdf").stdout_bytes == PDF


@pytest.mark.parametrize("name", ["r.csv", "r.html", "r.json", "r.pdf"])
@pytest.mark.parametrize("how", ["end missing", "cut off"])
def test_what_is_not_whole_is_not_kept(run: Run, collector: FakeCollector, tmp_path: Path, name: str, how: str) -> None:
    def cut(request: Request) -> Reply:
        whole = answer(request)
        body = whole.body[: len(whole.body) // 2]
        return Reply(body, media=whole.media, claimed=None if how == "end missing" else len(whole.body))

    collector.give("/api/v1/reports/rogue", cut)
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / name).write_text("the one before")
    result = run("report", "rogue", "-o", str(folder / name))
    assert result.exit_code == UNREACHABLE
    assert "cut off" in result.stderr
    assert only(folder) == [name]
    assert (folder / name).read_text() == "the one before"


def test_a_cut_off_report_on_standard_output_is_an_error(run: Run, collector: FakeCollector) -> None:
    collector.give("/api/v1/reports/rogue", Reply(CSV[:30], media="text/csv"))
    result = run("report", "rogue", "--format", "csv")
    assert (result.exit_code, "cut off" in result.stderr) == (UNREACHABLE, True)


def test_help_says_what_each_report_lists(run: Run) -> None:
    text = run("report", "--help").stdout
    assert all(f"{name} " in text and about in text for name, about in REPORTS.items())


def refusal(result: Result) -> str:
    assert result.exit_code == USAGE
    return result.stderr


def test_an_unknown_report_is_answered_with_those_there_are(run: Run, collector: FakeCollector) -> None:
    text = refusal(run("report", "inventry"))
    assert all(name in text for name in REPORTS)
    assert not collector.requests


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--since", "2026-01-01T00:00:00"), "has no time zone"),
        (("--until", "tomorrow"), "is not a time"),
        (("--format", "docx"), "docx"),
        (("--json", "--format", "csv"), "exclude one another"),
        (("--filter", "name"), "is no filter"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_written(
    run: Run, collector: FakeCollector, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    assert words in refusal(run("report", "rogue", *arguments, "-o", str(tmp_path / "r.csv")))
    assert not (tmp_path / "r.csv").exists()


def test_what_the_collector_refuses_leaves_no_file(run: Run, collector: FakeCollector, tmp_path: Path) -> None:
    collector.refuse("/api/v1/reports/rogue", ProblemType.BAD_REQUEST, "2126-01-01T00:00:00Z is yet to come")
    folder = tmp_path / "reports"
    folder.mkdir()
    assert "yet to come" in refusal(run("report", "rogue", "--since", "2126-01-01T00:00:00Z", "-o", f"{folder}/r.csv"))
    assert only(folder) == []


def test_a_full_disk_leaves_what_was_there_before(rogue: FakeCollector, tmp_path: Path) -> None:
    """The command in a process that may not write files of more than 128 blocks."""
    rows = b"".join(b"web-%06d,n1,\r\n" % number for number in range(20_000))
    rogue.give("/api/v1/reports/rogue", Reply(b"name,node,\r\n" + rows + b"# end,20000,\r\n", media="text/csv"))
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "r.csv").write_text("the one before")
    limited = ["sh", "-c", 'ulimit -f 128; exec "$@"', "sh"]
    command = [*limited, sys.executable, "-m", "mountbook", "report", "rogue", "--url", rogue.url]
    for name, said in (("r.csv", "what was there before is as it was"), ("new.csv", "nothing was left there")):
        done = subprocess.run(
            [*command, "-o", str(folder / name)],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == FAILED
        assert f"{folder / name} could not be written" in done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert only(folder) == ["r.csv"]
    assert (folder / "r.csv").read_text() == "the one before"


def test_a_pdf_that_the_disk_does_not_take_leaves_its_csv_as_it_was(
    run: Run, collector: FakeCollector, tmp_path: Path
) -> None:
    large = b"%PDF-1.4\n" + bytes(200_000) + b"\n%%EOF\n"
    parts = b"".join(b"\r\n--b\r\nContent-Type: x/y\r\n\r\n%b" % part for part in (CSV, large))
    collector.give("/api/v1/reports/rogue", Reply(parts[2:] + b"\r\n--b--\r\n", media=f'{MULTIPART}; boundary="b"'))
    folder = tmp_path / "reports"
    folder.mkdir()
    for name in ("r.csv", "r.pdf"):
        (folder / name).write_text("the one before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        result = run("report", "rogue", "-o", str(folder / "r.pdf"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert result.exit_code == FAILED, result.output
    assert only(folder) == ["r.csv", "r.pdf"]
    assert {(folder / name).read_text() for name in only(folder)} == {"the one before"}


def test_the_sum_of_a_kept_csv_is_that_of_what_was_sent(run: Run, rogue: FakeCollector, tmp_path: Path) -> None:
    run("report", "rogue", "-o", str(tmp_path / "r.pdf"))
    assert hashlib.sha256((tmp_path / "r.csv").read_bytes()).digest() == hashlib.sha256(CSV).digest()
