"""``mountbook whose``."""

import os
from pathlib import Path

import msgspec
import pytest

from protocol.answers import ContainerBrief, Owner, Whose, WhoseAnswer
from protocol.entries import Kind, LayerUse, Role
from tests.unit.mountbook.conftest import Run
from tests.unit.mountbook.fake_collector import COMPLETE, LAYER, OWNER, PARTIAL, WEB, FakeCollector, Request

PATH = f"/var/lib/docker/overlay2/{LAYER}/diff/etc/passwd"
DIRECTORY = f"/var/lib/docker/overlay2/{LAYER}"
VOLUME = Owner(
    cluster="c1",
    node="n1id",
    hostname="n1",
    kind=Kind.VOLUME,
    role=Role.VOLUME,
    key="data",
    root="/var/lib/docker",
    matched="/var/lib/docker/volumes/data/_data",
    inside=None,
    name="data",
    containers=[
        ContainerBrief(
            container_id=WEB, name="web", state="running", image="nginx", destination="/data", inside="/data/x"
        )
    ],
    containers_total=3,
    sentence="volume data, mounted by web at /data and 2 more on node n1",
)
IMAGE_LAYER = Owner(
    cluster="c1",
    node="n1id",
    hostname="n1",
    kind=Kind.LAYER,
    role=Role.LAYER,
    key="sha256:" + "a1" * 32,
    root="/var/lib/docker",
    matched="/var/lib/docker/overlay2/base",
    inside="/bin/sh",
    use=LayerUse.IMAGE,
    images=["nginx:1.27", "nginx:latest"],
    images_total=2,
    sentence="image layer sha256:a1a1a1a1a1a1 of nginx:1.27 and 1 more on node n1: /bin/sh inside",
)


def test_one_path_is_a_block(run: Run, collector: FakeCollector) -> None:
    collector.whose({PATH: [OWNER]})
    result = run("whose", PATH)
    assert result.exit_code == 0
    assert result.stdout == (
        "Owner:      writable layer of container shop_web.1.x7 on node n1: /etc/passwd inside\n"
        "Inside:     /etc/passwd\n"
        "Node:       n1 (n1id)\n"
        "ID:         4f2d1b0c9a8e\n"
        "Image:      nginx:1.27\n"
        "Part of:    service shop_web, stack shop\n"
        f"Belongs to: {DIRECTORY}\n"
    )
    assert result.stderr == "2 of 2 nodes observed\n"
    (request,) = collector.requests
    assert (request.method, request.body) == ("POST", {"paths": [PATH]})


def test_a_volume_names_who_mounts_it_and_where(run: Run, collector: FakeCollector) -> None:
    collector.whose({"/v": [VOLUME]})
    assert run("whose", "/v").stdout == (
        "Owner:      volume data, mounted by web at /data and 2 more on node n1\n"
        "Node:       n1 (n1id)\n"
        "ID:         data\n"
        "Belongs to: /var/lib/docker/volumes/data/_data\n"
        "Mounted by: web (4f2d1b0c9a8e) at /data/x, running\n"
        "            and 2 more\n"
    )


def test_an_image_layer_names_its_images(run: Run, collector: FakeCollector) -> None:
    collector.whose({"/l": [IMAGE_LAYER]})
    output = run("whose", "/l").stdout
    assert "ID:         a1a1a1a1a1a1\n" in output
    assert "Images:     nginx:1.27, nginx:latest\n" in output


def test_the_owners_on_several_nodes_and_who_else_sees_it(run: Run, collector: FakeCollector) -> None:
    answer = Whose(path="/x", owners=[OWNER, VOLUME], owners_total=2, also_visible=[IMAGE_LAYER], also_visible_total=4)
    collector.give("/api/v1/whose", WhoseAnswer(answers=[answer], coverage=COMPLETE))
    output = run("whose", "/x").stdout
    assert output.count("Owner: ") == 2
    assert output.endswith(f"\n\nAlso visible in: {IMAGE_LAYER.sentence}\n                 and 3 more\n")


def test_several_paths_are_a_table_and_one_without_owner_is_status_1(run: Run, collector: FakeCollector) -> None:
    collector.whose({"/a": [OWNER]})
    result = run("whose", "/a", "/b")
    assert result.exit_code == 1
    assert result.stdout == f"PATH   OWNER\n/a     {OWNER.sentence}\n/b     nobody known\n"


def test_a_path_of_nobody_is_status_1_or_4(run: Run, collector: FakeCollector) -> None:
    collector.whose({})
    result = run("whose", "/srv/x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Nobody known owns /srv/x.\n2 of 2 nodes observed\n"
    collector.whose({}, coverage=PARTIAL)
    assert run("whose", "/srv/x").exit_code == 4


def test_json_is_the_answer(run: Run, collector: FakeCollector) -> None:
    collector.whose({PATH: [OWNER]})
    answer = msgspec.json.decode(run("whose", PATH, "--json").stdout, type=WhoseAnswer)
    assert answer.answers == [Whose(path=PATH, owners=[OWNER], owners_total=1)]


def test_quiet_prints_who_and_format_prints_fields(run: Run, collector: FakeCollector) -> None:
    collector.whose({PATH: [OWNER], "/v": [VOLUME]})
    assert run("whose", "-q", PATH, "/v").stdout == "4f2d1b0c9a8e\ndata\n"
    assert run("whose", "--format", "{{.Path}} {{.Name}} {{.Inside}}", PATH).stdout == (
        f"{PATH} shop_web.1.x7 /etc/passwd\n"
    )


def test_format_of_lines_knows_their_size_and_keeps_those_of_nobody(run: Run, collector: FakeCollector) -> None:
    collector.whose({"/a": [OWNER]})
    result = run("whose", "-", "--format", "{{.Size}}|{{.Path}}|{{.Name}}", stdin=b"4.0K\t/a\n7\t/b\n\n9\ttotal\n")
    assert result.stdout == "4.0K|/a|shop_web.1.x7\n7|/b|\n"


def test_a_path_that_begins_with_a_dot_is_below_the_current_directory(
    run: Run, collector: FakeCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    collector.whose({})
    run("whose", "./x/../y", "..", "bare1d/diff")
    assert collector.requests[0].body["paths"] == [f"{tmp_path}/y", str(tmp_path.parent), "bare1d/diff"]


def test_a_name_that_is_not_utf_8_is_asked_for_as_the_register_writes_it(run: Run, collector: FakeCollector) -> None:
    collector.whose({})
    run("whose", os.fsdecode(b"/srv/caf\xe9"))
    assert collector.requests[0].body["paths"] == ["/srv/caf\\xe9"]


@pytest.mark.parametrize("path", ["", "/" + "x" * 5000, "x/.."])
def test_what_can_be_no_path_is_refused(run: Run, collector: FakeCollector, path: str) -> None:
    result = run("whose", path)
    assert result.exit_code == 2
    assert result.stderr.startswith(("The path is ", "'x/..' names no directory"))
    assert collector.requests == []


def test_lines_of_du_keep_their_size_and_order(run: Run, collector: FakeCollector) -> None:
    collector.whose({DIRECTORY: [OWNER], "/v": [VOLUME, OWNER]})
    lines = f"4.0K\t/v\n1,5G\t{DIRECTORY}\n\n12\t/var/lib/docker/overlay2\n99\ttotal\n"
    result = run("whose", "-", stdin=lines.encode())
    assert result.exit_code == 0
    assert result.stdout == (
        f"4.0K\t/v\t{VOLUME.sentence} (and 1 more; --node asks about one node)\n"
        f"1,5G\t{DIRECTORY}\t{OWNER.sentence}\n"
        "\n"
        "12\t/var/lib/docker/overlay2\tnobody known\n"
        "99\ttotal\tthe sum\n"
    )
    assert result.stderr == "2 of 2 nodes observed\n"
    assert collector.requests[0].body["paths"] == ["/v", DIRECTORY, "/var/lib/docker/overlay2"]


def test_paths_alone_and_one_without_a_newline_at_the_end(run: Run, collector: FakeCollector) -> None:
    collector.whose({"/a": [OWNER]})
    result = run("whose", "-", stdin=b"/a\n/b c")
    assert result.stdout == f"/a\t{OWNER.sentence}\n/b c\tnobody known\n"


def test_paths_that_end_in_nul(run: Run, collector: FakeCollector) -> None:
    collector.whose({"/a\nb": [OWNER]})
    result = run("whose", "-0", "-", stdin=b"/a\nb\x00/c\x00")
    assert result.stdout == f"/a\\x0ab\t{OWNER.sentence}\n/c\tnobody known\n"


def test_bytes_that_are_not_utf_8_come_out_as_they_went_in(run: Run, collector: FakeCollector) -> None:
    collector.whose({"/srv/\\xff": [OWNER]})
    result = run("whose", "-", stdin=b"1\t/srv/\xff\n")
    assert result.stdout_bytes == b"1\t/srv/\xff\t" + OWNER.sentence.encode() + b"\n"


def test_a_bad_line_does_not_stop_the_rest(run: Run, collector: FakeCollector) -> None:
    collector.whose({"/b": [OWNER]})
    result = run("whose", "-", stdin=b"/" + b"x" * 5000 + b"\n/b\n")
    first, second = result.stdout.splitlines()
    assert "\tThe path is longer than 4096 bytes" in first
    assert second == f"/b\t{OWNER.sentence}"


def test_lines_without_any_owner_are_status_1(run: Run, collector: FakeCollector) -> None:
    collector.whose({})
    assert run("whose", "-", stdin=b"/a\n/b\n").exit_code == 1


def test_empty_input_is_a_usage_error(run: Run) -> None:
    result = run("whose", "-", stdin=b"")
    assert result.exit_code == 2
    assert result.stderr == "Standard input has no path to ask about.\n"


def test_input_without_lines_is_refused(run: Run) -> None:
    result = run("whose", "-", stdin=b"x" * (2 * 1024 * 1024))
    assert result.exit_code == 2
    assert "more than a mebibyte" in result.stderr


def test_many_lines_are_asked_in_batches(run: Run, collector: FakeCollector) -> None:
    collector.whose({"/p/1234": [OWNER]})
    result = run("whose", "-", stdin=b"".join(b"%d\t/p/%d\n" % (number, number) for number in range(5000)))
    assert [line.split("\t")[1] for line in result.stdout.splitlines()] == [f"/p/{number}" for number in range(5000)]
    assert sum(len(request.body["paths"]) for request in collector.requests) == 5000
    assert max(len(request.body["paths"]) for request in collector.requests) <= 500


def test_json_of_lines_is_one_object_a_line(run: Run, collector: FakeCollector) -> None:
    collector.whose({"/a": [OWNER]})
    first, second = run("whose", "-", "--json", stdin=b"4.0K\t/a\n99\ttotal\n").stdout.splitlines()
    assert msgspec.json.decode(first)["size"] == "4.0K"
    assert msgspec.json.decode(first, type=Whose).owners == [OWNER]
    assert msgspec.json.decode(second) == {"size": "99", "path": "99\ttotal", "owners": [], "problem": "the sum"}


def test_a_dash_stands_alone(run: Run) -> None:
    assert run("whose", "-", "/x").exit_code == 2
    assert run("whose", "-0", "/x").exit_code == 2


def test_node_and_time_go_with_the_paths(run: Run, collector: FakeCollector) -> None:
    collector.whose({"/a": [OWNER]})
    run("whose", "/a", "--node", "n1", "--at", "10m")
    assert collector.requests[0].body == {"paths": ["/a"], "node": "n1", "at": "10m"}


def test_too_few_answers_are_no_answer(run: Run, collector: FakeCollector) -> None:
    collector.give("/api/v1/whose", lambda _request: WhoseAnswer(answers=[], coverage=COMPLETE))
    result = run("whose", "/a")
    assert result.exit_code == 3
    assert "0 answers to 1 paths" in result.stderr


def test_owner_names_cannot_move_the_cursor(run: Run, collector: FakeCollector) -> None:
    evil = msgspec.structs.replace(OWNER, sentence="x\x1b]0;y\x07\nz")

    def answer(request: Request) -> WhoseAnswer:
        return WhoseAnswer(answers=[Whose(path=request.body["paths"][0], owners=[evil])], coverage=COMPLETE)

    collector.give("/api/v1/whose", answer)
    assert run("whose", "-", stdin=b"/a\n").stdout == "/a\tx\\x1b]0;y\\x07\\x0az\n"
