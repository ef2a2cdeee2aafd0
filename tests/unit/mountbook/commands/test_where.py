"""``mountbook where``."""

import msgspec
import pytest

from protocol.answers import Where
from protocol.entries import PathKind
from protocol.problems import ProblemType
from tests.unit.mountbook.conftest import Run
from tests.unit.mountbook.fake_collector import (
    COMPLETE,
    DB_ROW,
    LAYER,
    LOST_ROW,
    PARTIAL,
    WEB,
    WEB_ROW,
    FakeCollector,
    Request,
)

WEB_BLOCK = f"""\
Container:   shop_web.1.x7 (4f2d1b0c9a8e)
Node:        n1 (n1id)
Directory:   /var/lib/docker/overlay2/{LAYER}/diff
Kind:        diff (only what the container changed)
Resolved by: layerdb (overlay2)
Image:       nginx:1.27
Part of:     service shop_web, stack shop, task shop_web.1.x7
State:       running, started 3 minutes ago (2026-01-31 11:57:00Z)
Since:       2 minutes ago (after 2026-01-31 11:56:58Z, at or before 2026-01-31 11:57:01Z)
Mounts:      /data ← volume data /var/lib/docker/volumes/data/_data (read-only)
"""


def test_one_container_is_a_block(run: Run, collector: FakeCollector) -> None:
    collector.where(WEB_ROW)
    result = run("where", "web")
    assert result.exit_code == 0
    assert result.stdout == WEB_BLOCK
    assert result.stderr == "2 of 2 nodes observed\n"


def test_several_containers_are_a_table(run: Run, collector: FakeCollector) -> None:
    collector.where(WEB_ROW, DB_ROW, LOST_ROW, coverage=PARTIAL)
    result = run("where", "stack:shop")
    assert result.exit_code == 0
    assert result.stdout == (
        "CONTAINER ID   NAME            NODE   STATE     IMAGE         DIRECTORY\n"
        f"4f2d1b0c9a8e   shop_web.1.x7   n1     running   nginx:1.27    /var/lib/docker/overlay2/{LAYER}/diff\n"
        "8b1c7e6d5f40   db              n2     exited    postgres:18   tank/docker/8b1c\n"
        "cccccccccccc   lost            n2     running   nginx:1.27    unknown: layerdb/mounts has no such container\n"
    )
    assert result.stderr == (
        "3 containers, matched as name\n2 of 3 nodes observed; silent: n3 since 2026-01-31 11:45:00Z (15 minutes ago)\n"
    )


def test_a_stopped_container_says_how_it_ended(run: Run, collector: FakeCollector) -> None:
    collector.where(DB_ROW)
    output = run("where", "db").stdout
    assert "State:       exited (137, out of memory)\n" in output
    assert "Kind:        dataset (a ZFS dataset, not a path)\n" in output


def test_no_trunc_gives_ids_and_times_in_full(run: Run, collector: FakeCollector) -> None:
    collector.where(WEB_ROW)
    output = run("where", "web", "--no-trunc").stdout
    assert f"Container:   shop_web.1.x7 ({WEB})\n" in output
    assert "State:       running, started 2026-01-31T11:57:00.000000Z\n" in output
    assert "Since:       after 2026-01-31T11:56:58.000000Z, at or before 2026-01-31T11:57:01.000000Z\n" in output


def test_quiet_prints_paths_alone_and_mentions_what_has_none(run: Run, collector: FakeCollector) -> None:
    collector.where(WEB_ROW, DB_ROW, LOST_ROW)
    result = run("where", "-q", "stack:shop")
    assert result.exit_code == 0
    assert result.stdout == f"/var/lib/docker/overlay2/{LAYER}/diff\n"
    assert result.stderr == (
        "db on n2 is left out, it has a dataset instead of a directory: tank/docker/8b1c.\n"
        "lost on n2 is left out, its directory is unknown: layerdb/mounts has no such container.\n"
    )


def test_quiet_without_any_path_is_not_found(run: Run, collector: FakeCollector) -> None:
    collector.where(DB_ROW)
    result = run("where", "-q", "db")
    assert (result.exit_code, result.stdout) == (1, "")


def test_json_is_the_answer(run: Run, collector: FakeCollector) -> None:
    collector.where(WEB_ROW, coverage=PARTIAL)
    result = run("where", "web", "--json")
    answer = msgspec.json.decode(result.stdout, type=Where)
    assert answer == Where(ref="web", matched="name", exact=True, containers=[WEB_ROW], coverage=PARTIAL)
    assert result.stderr == ""


def test_all_pages_are_one_answer(run: Run, collector: FakeCollector) -> None:
    def page(request: Request) -> Where:
        last = "cursor" in request.query
        rows = [DB_ROW] if last else [WEB_ROW]
        return Where(
            ref="x", matched="image", exact=True, containers=rows, coverage=COMPLETE, next=None if last else "p2"
        )

    collector.give("/api/v1/where", page)
    answer = msgspec.json.decode(run("where", "x", "--json").stdout, type=Where)
    assert answer.containers == [WEB_ROW, DB_ROW]
    assert answer.next is None
    assert [request.query.get("cursor") for request in collector.requests] == [None, ["p2"]]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{.ContainerID}} {{.Name}}", "4f2d1b0c9a8e shop_web.1.x7\n"),
        ("{{.Names}}\\t{{.OOMKilled}}", "shop_web.1.x7\tfalse\n"),
        ('{{.Label "team"}}: {{json .Mounts}}', "shop: "),
        ("table {{.ID}}\\t{{.MountID}}", f"CONTAINER ID   MOUNT ID\n4f2d1b0c9a8e   {LAYER}\n"),
        ("{{.Labels}}", "com.example.tier=front,team=shop\n"),
        ("{{ .InitID }}|{{.ExitCode}}", "|\n"),
    ],
)
def test_format_is_dockers(run: Run, collector: FakeCollector, template: str, expected: str) -> None:
    collector.where(WEB_ROW)
    result = run("where", "web", "--format", template)
    assert result.exit_code == 0
    assert result.stdout.startswith(expected)


def test_format_json_is_one_object_a_line(run: Run, collector: FakeCollector) -> None:
    collector.where(WEB_ROW, DB_ROW)
    lines = run("where", "x", "--format", "json").stdout.splitlines()
    assert [msgspec.json.decode(line)["container_id"][:4] for line in lines] == ["4f2d", "8b1c"]


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{.Nope}}", "there is no field 'Nope' here"),
        ("{{.Name", "opens {{ and does not close it"),
        ("{{range .}}", "{{range .}} is not understood"),
        ("name", "names no field"),
    ],
)
def test_a_template_that_cannot_be_read_lists_the_fields(run: Run, template: str, says: str) -> None:
    result = run("where", "web", "--format", template)
    assert result.exit_code == 2
    assert says in result.stderr


def test_json_quiet_and_format_exclude_one_another(run: Run) -> None:
    result = run("where", "web", "--json", "-q")
    assert result.exit_code == 2
    assert "exclude one another" in result.stderr


def test_what_is_not_found_is_status_1_when_every_node_was_observed(run: Run, collector: FakeCollector) -> None:
    coverage = msgspec.to_builtins(COMPLETE)
    collector.refuse("/api/v1/where", ProblemType.NOT_FOUND, "no container has the name 'web'", coverage=coverage)
    result = run("where", "web")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "No container has the name 'web'.\n2 of 2 nodes observed\n"


def test_what_is_not_found_is_status_4_when_a_node_is_silent(run: Run, collector: FakeCollector) -> None:
    coverage = msgspec.to_builtins(PARTIAL)
    collector.refuse("/api/v1/where", ProblemType.NOT_FOUND, "no container has the name 'web'", coverage=coverage)
    result = run("where", "web")
    assert result.exit_code == 4
    assert "silent: n3 since 2026-01-31 11:45:00Z (15 minutes ago)" in result.stderr


def test_an_ambiguous_reference_lists_the_candidates(run: Run, collector: FakeCollector) -> None:
    collector.refuse(
        "/api/v1/where", ProblemType.AMBIGUOUS, "'4f' begins 2 IDs", candidates=[f"id:{WEB}", "name:4f\x1b[2J"]
    )
    result = run("where", "4f")
    assert result.exit_code == 2
    assert result.stderr == f"'4f' begins 2 IDs.\n  id:{WEB}\n  name:4f\\x1b[2J\n"


def test_node_and_time_are_sent_as_given(run: Run, collector: FakeCollector) -> None:
    collector.where(WEB_ROW)
    assert run("where", "service:web", "--node", "n1", "--at", "1h30m").exit_code == 0
    (request,) = collector.requests
    assert request.query == {"ref": ["service:web"], "node": ["n1"], "at": ["1h30m"], "limit": ["1000"]}


def test_a_time_without_a_zone_is_refused_before_anything_is_asked(run: Run, collector: FakeCollector) -> None:
    result = run("where", "web", "--at", "2026-01-31T12:00:00")
    assert result.exit_code == 2
    assert "has no time zone" in result.stderr
    assert collector.requests == []


def test_escape_sequences_do_not_reach_the_output(run: Run, collector: FakeCollector) -> None:
    row = msgspec.structs.replace(WEB_ROW, name="evil\x1b[2J", diff_path="/x/\n/y", path_kind=PathKind.DIFF)
    collector.where(row)
    output = run("where", "web").stdout
    assert "evil\\x1b[2J" in output
    assert "/x/\\x0a/y" in output


def test_a_program_that_finds_nothing_gets_an_answer_with_its_coverage(run: Run, collector: FakeCollector) -> None:
    coverage = msgspec.to_builtins(PARTIAL)
    collector.refuse("/api/v1/where", ProblemType.NOT_FOUND, "nothing here is called 'zzz'", coverage=coverage)
    result = run("where", "--json", "zzz")
    answer = msgspec.json.decode(result.stdout, type=Where)
    assert (result.exit_code, answer.ref, answer.containers, answer.coverage) == (4, "zzz", [], PARTIAL)
