"""``mountbook df``, ``top``, ``orphans``, ``ghosts`` and ``mount-command``."""

import msgspec
import pytest

from protocol.answers import Bounds
from protocol.entries import LayerUse, PathKind
from protocol.problems import ProblemType
from protocol.sizes import (
    ClusterUse,
    DiskUse,
    GhostRow,
    Ghosts,
    MountCommand,
    MountCommands,
    NodeSize,
    NodeUse,
    OrphanRow,
    Orphans,
    RoomRow,
    RoomSum,
    Share,
    Size,
    Top,
    TopRow,
)
from tests.unit.mountbook.conftest import Run
from tests.unit.mountbook.fake_collector import COMPLETE, DB, PARTIAL, WEB, FakeCollector, Request

SILENCE = "2 of 3 nodes observed; silent: n3 since 2026-01-31 11:45:00Z (15 minutes ago)\n"
OBSERVED = "2 of 2 nodes observed\n"
SEEN = Bounds(after="2026-01-31T08:59:30.000000Z", before="2026-01-31T09:00:00.000000Z")


def size(total: int, *, entries: int = 1, measured: int = 1) -> Size:
    return Size(entries=entries, measured=measured, bytes=total, inodes=100)


def disk_use() -> DiskUse:
    shares: dict[Share, Size] = {
        "writable": size(2_100_000_000),
        "images": size(5_000_000, entries=9, measured=3),
        "orphans": size(7_000),
        "unclaimed": size(3_000),
    }
    room = RoomRow(
        paths=["/var/lib/docker"],
        total_bytes=100_000_000_000,
        free_bytes=25_000_000_000,
        total_inodes=1_000,
        free_inodes=900,
        measured_at="2026-01-31T11:59:00.000000Z",
    )
    total = size(2_105_010_000, entries=12, measured=6)
    return DiskUse(
        nodes=[
            NodeUse(cluster="c1", node="n1id", hostname="n1", shares=shares, total=total, rooms=[room]),
            NodeUse(cluster="c1", node="n2id", hostname="n2"),
        ],
        clusters=[
            ClusterUse(
                cluster="c1",
                nodes=2,
                shares=shares,
                total=total,
                room=RoomSum(
                    file_systems=1,
                    total_bytes=100_000_000_000,
                    free_bytes=25_000_000_000,
                    total_inodes=1_000,
                    free_inodes=900,
                ),
            )
        ],
        coverage=PARTIAL,
    )


def test_df_is_a_table_by_what_the_bytes_are_spent_on(run: Run, collector: FakeCollector) -> None:
    collector.give("/api/v1/df", disk_use())
    result = run("df")
    assert result.exit_code == 0
    titles = ["NODE", "WRITABLE", "IMAGES", "BUILD CACHE", "VOLUMES", "LOGS", "ORPHANS", "GHOSTS"]
    lines = result.stdout.splitlines()
    assert lines[0].split() == " ".join([*titles, "FREE", "OF", "FREE INODES"]).split()
    assert lines[1].split() == ["n1", "2.1GB", ">5MB", "10kB", "25GB", "100GB", "90%"]
    assert lines[2].split() == ["n2"]
    assert lines[3].split() == ["all", "2.1GB", ">5MB", "10kB", "25GB", "100GB", "90%"]
    assert result.stderr == (
        "6 of 12 entries not measured yet: sums are lower bounds (>)\n"
        "the free room of 1 node is not known yet\n" + SILENCE
    )


def test_df_in_full_has_every_byte(run: Run, collector: FakeCollector) -> None:
    collector.give("/api/v1/df", disk_use())
    line = run("df", "--no-trunc", "--node", "n1").stdout.splitlines()[1]
    assert line.split() == ["n1", "2100000000", ">5000000", "10000", "25000000000", "100000000000", "900"]
    assert collector.requests[0].query == {"node": ["n1"]}
    assert msgspec.json.decode(run("df", "--json").stdout, type=DiskUse) == disk_use()


def top(by: str = "container", **changes: object) -> Top:
    rows = [
        TopRow(
            cluster="c1",
            node="n1id",
            hostname="n1",
            key=WEB,
            name="web",
            image="nginx:1.27",
            size=size(2_100_000_000),
            grown=1_500_000,
        ),
        TopRow(cluster="c1", node="n2id", hostname="n2", key=DB, name="db", image="pg", size=size(5_000), grown=-3),
    ]
    values = {
        "by": by,
        "order": "size",
        "since": None,
        "rows": rows,
        "total": size(2_100_005_000),
        "coverage": COMPLETE,
    }
    return msgspec.convert(msgspec.to_builtins({**values, **changes}), Top)


def test_top_is_a_table_of_containers(run: Run, collector: FakeCollector) -> None:
    collector.give("/api/v1/top", top())
    result = run("top")
    assert result.stdout == (
        "CONTAINER ID   NAME   NODE   SIZE    INODES   IMAGE\n"
        "4f2d1b0c9a8e   web    n1     2.1GB   100      nginx:1.27\n"
        "8b1c7e6d5f40   db     n2     5kB     100      pg\n"
    )
    assert result.stderr == f"2 rows; 2.1GB in all\n{OBSERVED}"
    assert run("top", "-q").stdout == f"{WEB}\n{DB}\n"


def test_top_shows_growth_when_it_is_asked_for(run: Run, collector: FakeCollector) -> None:
    collector.give("/api/v1/top", top(order="growth", since="2026-01-31T06:00:00.000000Z"))
    result = run("top", "--growth", "--since", "6h")
    assert "GROWN" in result.stdout
    assert "+1.5MB" in result.stdout
    assert "-3B" in result.stdout
    assert "growth since 2026-01-31 06:00:00Z" in result.stderr
    assert collector.requests[0].query == {
        "by": ["container"],
        "order": ["growth"],
        "since": ["6h"],
        "limit": ["20"],
    }


@pytest.mark.parametrize(
    ("by", "titles"),
    [
        ("service", "SERVICE NODES CONTAINERS SIZE INODES"),
        ("stack", "STACK NODES ENTRIES SIZE INODES"),
        ("image", "IMAGE NODES CONTAINERS SIZE INODES"),
        ("volume", "VOLUME NODE SIZE INODES"),
        ("node", "NODE SIZE INODES"),
    ],
)
def test_top_adds_up_by_what_is_asked(run: Run, collector: FakeCollector, by: str, titles: str) -> None:
    collector.give("/api/v1/top", top(by))
    result = run("top", "--by", by)
    assert result.stdout.splitlines()[0].split() == titles.split()
    assert "2.1GB" in result.stdout


def test_top_takes_as_many_pages_as_it_needs(run: Run, collector: FakeCollector) -> None:
    def answer(request: Request) -> Top:
        return top(next="more" if "cursor" not in request.query else None)

    collector.give("/api/v1/top", answer)
    result = run("top", "--limit", "3", "--format", "{{.Name}}")
    assert result.stdout == "web\ndb\nweb\n"
    assert len(collector.requests) == 2


def orphan(name: str, **changes: object) -> OrphanRow:
    row = OrphanRow(
        cluster="c1",
        node="n1id",
        hostname="n1",
        root="/var/lib/docker",
        key=f"overlay2/{name}",
        backend="overlay2",
        use=LayerUse.ORPHAN,
        diff_path=f"/var/lib/docker/overlay2/{name}/diff",
        path_kind=PathKind.DIFF,
        evidence="nothing names it",
        first_seen=SEEN,
        age=10_800.0,
        bytes=7_000_000,
        inodes=12,
    )
    return msgspec.structs.replace(row, **changes)


def orphans(*rows: OrphanRow, **changes: object) -> Orphans:
    total = size(7_000_000, entries=len(rows), measured=1) if rows else Size()
    nodes = [NodeSize(cluster="c1", node="n1id", hostname="n1", size=total)] if rows else []
    answer = Orphans(orphans=list(rows), nodes=nodes, total=total, coverage=COMPLETE)
    return msgspec.structs.replace(answer, **changes)


def test_orphans_come_with_evidence_age_size_and_total(run: Run, collector: FakeCollector) -> None:
    early = Bounds(after=None, before="2026-01-31T09:00:00.000000Z")
    collector.give("/api/v1/orphans", orphans(orphan("a"), orphan("b", bytes=None, first_seen=early)))
    result = run("orphans")
    assert result.stdout == (
        "NODE   DIRECTORY                         SIZE   FIRST SEEN               EVIDENCE\n"
        "n1     /var/lib/docker/overlay2/a/diff   7MB    3 hours ago              nothing names it\n"
        "n1     /var/lib/docker/overlay2/b/diff   ?      3 hours ago or earlier   nothing names it\n"
    )
    assert result.stderr == (
        "2 orphans on 1 node, >7MB in all; 1 of 2 entries not measured yet: sums are lower bounds (>)\n" + OBSERVED
    )
    assert run("orphans", "-q").stdout == ("/var/lib/docker/overlay2/a/diff\n/var/lib/docker/overlay2/b/diff\n")


def test_orphans_send_filters_and_read_every_page(run: Run, collector: FakeCollector) -> None:
    def answer(request: Request) -> Orphans:
        if "cursor" in request.query:
            return orphans(orphan("b", use=LayerUse.REMOVING))
        return orphans(orphan("a", use=LayerUse.UNCLAIMED), next="more")

    collector.give("/api/v1/orphans", answer)
    result = run("orphans", "-f", "use=unclaimed", "-f", "use=removing", "--json")
    found = msgspec.json.decode(result.stdout, type=Orphans)
    assert [row.key for row in found.orphans] == ["overlay2/a", "overlay2/b"]
    assert collector.requests[0].query["filter"] == ["use=unclaimed", "use=removing"]
    collector.give("/api/v1/orphans", orphans(orphan("a", use=LayerUse.UNCLAIMED)))
    assert run("orphans", "-f", "use=unclaimed").stderr.startswith("1 layer on 1 node")


def test_no_orphans_is_said_in_words(run: Run, collector: FakeCollector) -> None:
    collector.give("/api/v1/orphans", orphans(coverage=PARTIAL))
    result = run("orphans")
    assert (result.exit_code, result.stderr) == (0, f"no orphans\n{SILENCE}")


def test_ghosts_are_listed_with_what_they_cost(run: Run, collector: FakeCollector) -> None:
    ghost = GhostRow(
        cluster="c1",
        node="n1id",
        hostname="n1",
        root="/var/lib/docker",
        container_id=WEB,
        name="old",
        image="nginx:1.27",
        backend="aufs",
        diff_path="/var/lib/docker/aufs/diff/x",
        first_seen=SEEN,
        age=1.0,
        bytes=4_200,
    )
    total = size(4_200)
    node = NodeSize(cluster="c1", node="n1id", hostname="n1", size=total)
    collector.give("/api/v1/ghosts", Ghosts(ghosts=[ghost], nodes=[node], total=total, coverage=COMPLETE))
    result = run("ghosts")
    assert result.stdout.splitlines()[1].split() == (
        ["4f2d1b0c9a8e", "old", "n1", "aufs", "nginx:1.27", "4.2kB", "3", "hours", "ago", "/var/lib/docker/aufs/diff/x"]
    )
    assert result.stderr == f"1 ghost on 1 node, 4.2kB in all\n{OBSERVED}"
    assert run("ghosts", "-q").stdout == f"{WEB[:12]}\n"
    assert run("ghosts", "--format", "{{.Name}} {{.Bytes}}").stdout == "old 4200\n"


def mount_command(command: str | None, **changes: object) -> MountCommand:
    one = MountCommand(
        cluster="c1",
        node="n1id",
        hostname="n1",
        container_id=WEB,
        name="web",
        backend="overlay2",
        target="/mnt",
        command=command,
    )
    return msgspec.structs.replace(one, **changes)


def commands(*some: MountCommand) -> MountCommands:
    return MountCommands(ref="web", matched="name", exact=True, commands=list(some), coverage=COMPLETE)


def test_mount_command_prints_the_command_and_never_runs_it(run: Run, collector: FakeCollector) -> None:
    collector.give("/api/v1/mount-command", commands(mount_command("mount -t overlay …", remarks=["it is running"])))
    result = run("mount-command", "web", "--node", "n1")
    assert result.exit_code == 0
    assert result.stdout == "# web on n1 (overlay2), as root on n1\nmount -t overlay …\n"
    assert result.stderr == "web on n1: it is running.\n"
    assert run("mount-command", "-q", "web").stdout == "mount -t overlay …\n"
    assert collector.requests[0].query == {"ref": ["web"], "node": ["n1"], "limit": ["1000"]}


def test_a_container_without_a_command_says_why(run: Run, collector: FakeCollector) -> None:
    collector.give("/api/v1/mount-command", commands(mount_command(None, reason="the chain has a gap")))
    result = run("mount-command", "web")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "web on n1: there is no command, the chain has a gap.\n"


def test_a_command_with_control_characters_is_shown_escaped_with_a_remark(run: Run, collector: FakeCollector) -> None:
    collector.give("/api/v1/mount-command", commands(mount_command("mount '/a\nb' /mnt")))
    result = run("mount-command", "web")
    assert result.stdout.splitlines()[1] == "mount '/a\\x0ab' /mnt"
    assert "--json" in result.stderr


def test_a_container_that_nobody_knows_is_not_found(run: Run, collector: FakeCollector) -> None:
    collector.refuse("/api/v1/mount-command", ProblemType.NOT_FOUND, "nothing is called web", coverage=COMPLETE)
    assert run("mount-command", "web").exit_code == 1
