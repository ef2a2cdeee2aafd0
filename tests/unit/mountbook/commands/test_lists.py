"""``mountbook ls``, ``nodes``, ``inspect`` and ``status``."""

import msgspec
import pytest

from protocol.answers import ContainerRow, Nodes, RosterRead, StreamEnd
from protocol.problems import ProblemType
from tests.unit.mountbook.conftest import Run
from tests.unit.mountbook.fake_collector import (
    COMPLETE,
    DB,
    DB_ROW,
    LAYER,
    PARTIAL,
    WEB,
    WEB_ROW,
    FakeCollector,
    Reply,
    Request,
    problem,
)

NDJSON = "application/x-ndjson"
SILENCE = "2 of 3 nodes observed; silent: n3 since 2026-01-31 11:45:00Z (15 minutes ago)\n"


def test_ls_is_one_table(run: Run, collector: FakeCollector) -> None:
    collector.containers(WEB_ROW, DB_ROW, coverage=PARTIAL)
    result = run("ls")
    assert result.exit_code == 0
    assert result.stdout == (
        "CONTAINER ID   NAME            NODE   STATE     IMAGE         DIRECTORY\n"
        f"4f2d1b0c9a8e   shop_web.1.x7   n1     running   nginx:1.27    /var/lib/docker/overlay2/{LAYER}/diff\n"
        "8b1c7e6d5f40   db              n2     exited    postgres:18   tank/docker/8b1c\n"
    )
    assert result.stderr == SILENCE


def test_ls_json_is_a_list_with_node_and_cluster(run: Run, collector: FakeCollector) -> None:
    collector.containers(WEB_ROW, DB_ROW)
    result = run("ls", "--json")
    assert msgspec.json.decode(result.stdout, type=list[ContainerRow]) == [WEB_ROW, DB_ROW]
    assert {(row["cluster"], row["node"]) for row in msgspec.json.decode(result.stdout)} == {
        ("c1", "n1id"),
        ("c1", "n2id"),
    }
    assert result.stderr == ""


def test_ls_of_nothing_is_an_empty_list(run: Run, collector: FakeCollector) -> None:
    collector.containers(coverage=PARTIAL)
    result = run("ls", "--json")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "[]\n", SILENCE)
    assert run("ls").stdout == "CONTAINER ID   NAME   NODE   STATE   IMAGE   DIRECTORY\n"


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(msgspec.json.encode(WEB_ROW) + b"\n", media=NDJSON), "is the collector a newer one?"),
        (Reply(b"", media=NDJSON), "what is no JSON"),
        (Reply(msgspec.json.encode(StreamEnd(rows=2, coverage=COMPLETE)), media=NDJSON), "0 rows and the word that"),
        (Reply(b"{}"), "application/json instead of a stream"),
    ],
    ids=["no end", "nothing", "rows missing", "no stream"],
)
def test_a_stream_without_its_end_is_no_answer(run: Run, collector: FakeCollector, reply: Reply, says: str) -> None:
    collector.give("/api/v1/containers", reply)
    result = run("ls", "-q")
    assert result.exit_code == 3
    assert says in result.stderr


def test_an_answer_that_is_cut_off_says_so(run: Run, collector: FakeCollector) -> None:
    collector.give("/api/v1/containers", Reply(b"{}\n", media=NDJSON, claimed=10))
    collector.give("/api/v1/nodes", Reply(b"{}", claimed=10))
    for command in ("ls", "nodes"):
        result = run(command)
        assert result.exit_code == 3
        assert result.stderr.startswith(f"The answer of the collector at {collector.url} was cut off before its end.")


def test_ls_quiet_prints_short_or_full_ids(run: Run, collector: FakeCollector) -> None:
    collector.containers(WEB_ROW, DB_ROW)
    assert run("ls", "-q").stdout == f"{WEB[:12]}\n{DB[:12]}\n"
    assert run("ls", "-q", "--no-trunc").stdout == f"{WEB}\n{DB}\n"


def test_ls_sends_its_filters(run: Run, collector: FakeCollector) -> None:
    collector.containers()
    run("ls", "-f", "state=running", "--filter", "label=a=b", "--node", "n1", "--at", "1767225600")
    assert collector.requests[0].query == {
        "node": ["n1"],
        "at": ["1767225600"],
        "filter": ["state=running", "label=a=b"],
    }


@pytest.mark.parametrize("text", ["running", "=running"])
def test_a_filter_without_key_or_value_is_refused(run: Run, text: str) -> None:
    result = run("ls", "--filter", text)
    assert result.exit_code == 2
    assert "write KEY=VALUE" in result.stderr


def test_a_filter_that_the_collector_does_not_know_is_its_sentence(run: Run, collector: FakeCollector) -> None:
    collector.refuse("/api/v1/containers", ProblemType.BAD_REQUEST, "there is no filter 'colour'; known: name, state")
    result = run("ls", "--filter", "colour=red")
    assert (result.exit_code, result.stderr) == (2, "There is no filter 'colour'; known: name, state.\n")


def test_nodes_is_a_table_with_what_the_agents_say(run: Run, collector: FakeCollector) -> None:
    collector.nodes()
    result = run("nodes")
    assert result.exit_code == 0
    assert result.stdout == (
        "NODE ID   HOSTNAME   STATE      SEEN             ENGINE   BACKENDS   CONTAINERS   UNRESOLVED   AGENT\n"
        "n1id      n1         observed   2 seconds ago    28.5.2   overlay2   12           1            0.1.0\n"
        "n3id      n3         silent     15 minutes ago                       3            0\n"
    )
    assert result.stderr == "n3: /var/lib/docker: cannot be read (Permission denied)\n" + SILENCE


def test_nodes_are_filtered_like_dockers(run: Run, collector: FakeCollector) -> None:
    collector.nodes()
    assert run("nodes", "-q").stdout == "n1id\nn3id\n"
    assert run("nodes", "-q", "-f", "state=silent").stdout == "n3id\n"
    assert run("nodes", "-q", "-f", "name=n1", "-f", "name=n3").stdout == "n1id\nn3id\n"
    assert run("nodes", "-q", "-f", "name=n1", "-f", "state=silent").stdout == ""
    assert run("nodes", "-q", "-f", "id=n3").stdout == "n3id\n"
    assert run("nodes", "--format", "{{.ID}}: {{.Hostname}}").stdout == "n1id: n1\nn3id: n3\n"
    assert run("nodes", "-f", "colour=red").stderr == (
        "There is no filter 'colour' for nodes; the filters are id, name, state, cluster.\n"
    )


def test_nodes_says_how_old_the_roster_is(run: Run, collector: FakeCollector) -> None:
    read = RosterRead(
        cluster="c1", node="n1id", hostname="n1", read_at="2026-01-31T11:59:50.000000Z", nodes=3, services=2
    )
    collector.give("/api/v1/nodes", Nodes(nodes=[], coverage=COMPLETE, rosters=[read]))
    assert "Swarm c1: 3 nodes, as n1 read it 10 seconds ago\n" in run("nodes").stderr


def test_nodes_json_is_the_answer(run: Run, collector: FakeCollector) -> None:
    collector.nodes()
    answer = msgspec.json.decode(run("nodes", "--json").stdout, type=Nodes)
    assert [node.hostname for node in answer.nodes] == ["n1", "n3"]
    assert answer.coverage == PARTIAL


def test_inspect_is_a_json_list(run: Run, collector: FakeCollector) -> None:
    collector.where(WEB_ROW)
    result = run("inspect", "web")
    assert result.exit_code == 0
    assert msgspec.json.decode(result.stdout, type=list[ContainerRow]) == [WEB_ROW]
    assert run("inspect", "--json", "web").stdout == result.stdout
    assert run("inspect", "--format", "{{.MountID}}", "web").stdout == f"{LAYER}\n"


def test_inspect_prints_what_is_found_although_another_is_not(run: Run, collector: FakeCollector) -> None:
    collector.where(WEB_ROW)
    known = collector.answers["/api/v1/where"]
    coverage = msgspec.to_builtins(COMPLETE)

    def answer(request: Request) -> object:
        if request.query["ref"] == ["nope"]:
            return problem(ProblemType.NOT_FOUND, "no container is called 'nope'", coverage=coverage)
        return known(request)

    collector.give("/api/v1/where", answer)
    result = run("inspect", "nope", "web")
    assert result.exit_code == 1
    assert msgspec.json.decode(result.stdout, type=list[ContainerRow]) == [WEB_ROW]
    assert result.stderr == "No container is called 'nope'.\n2 of 2 nodes observed\n"


def test_status_says_what_is_heard(run: Run, collector: FakeCollector) -> None:
    collector.nodes()
    result = run("status")
    assert result.exit_code == 0
    assert result.stdout == (
        f"Collector:  {collector.url}, ready\n"
        "Nodes:      1 observed, 1 silent\n"
        "Containers: 15 containers, 1 unresolved\n"
        "Problems:   n3: /var/lib/docker: cannot be read (Permission denied)\n"
    )
    assert result.stderr == SILENCE


def test_status_json(run: Run, collector: FakeCollector) -> None:
    collector.nodes()
    answer = msgspec.json.decode(run("status", "--json").stdout)
    assert (answer["url"], answer["ready"], len(answer["nodes"])) == (collector.url, True, 2)


def test_status_of_a_database_that_is_not_migrated_says_what_to_run(run: Run, collector: FakeCollector) -> None:
    collector.refuse(
        "/readyz", ProblemType.NOT_MIGRATED, "the database is older than this release; run `mountbook migrate`"
    )
    result = run("status")
    assert result.exit_code == 3
    assert result.stderr == (
        f"The collector at {collector.url} cannot answer now: "
        "The database is older than this release; run `mountbook migrate`.\n"
    )


def test_a_collector_that_says_nothing_useful_is_not_ready(run: Run, collector: FakeCollector) -> None:
    collector.give("/readyz", Reply(b"", 503, "text/plain"))
    result = run("status")
    assert result.exit_code == 3
    assert "HTTP status 503 with text/plain" in result.stderr
