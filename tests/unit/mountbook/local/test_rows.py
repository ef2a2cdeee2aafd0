"""Entries become the rows that ``scan`` prints."""

from mountbook.local import rows
from protocol.entries import Bind, Container, Image, Layer, LayerUse, Mount, PathKind, ResolvedBy

ROOT = "/mnt/disk"


def container(key: str, name: str, labels: dict[str, str]) -> Container:
    return Container(
        root=ROOT,
        key=key * 64,
        name=name,
        backend="overlay2",
        mount_id="m" + key,
        init_id=f"m{key}-init",
        diff_path=f"{ROOT}/overlay2/m{key}/diff",
        path_kind=PathKind.DIFF,
        parent_chain_id="sha256:" + key * 64,
        resolved_by=ResolvedBy.LAYERDB,
        image="web:1",
        state="exited",
        labels=labels,
        mounts=(Mount(type="volume", destination="/data", name="v"),),
    )


def test_every_field_that_the_surface_promises_is_carried_over() -> None:
    row = rows.scan(ROOT, [container("a", "db", {})], []).containers[0]
    assert (row.container_id, row.name, row.backend, row.mount_id) == ("a" * 64, "db", "overlay2", "ma")
    assert (row.init_id, row.diff_path, row.path_kind) == ("ma-init", f"{ROOT}/overlay2/ma/diff", PathKind.DIFF)
    assert (row.parent_chain_id, row.image, row.state) == ("sha256:" + "a" * 64, "web:1", "exited")
    assert row.resolved_by is ResolvedBy.LAYERDB
    assert [mount.name for mount in row.mounts] == ["v"]


def test_service_task_and_stack_come_from_the_labels_of_swarm_or_compose() -> None:
    swarm = {
        "com.docker.swarm.service.name": "shop_web",
        "com.docker.swarm.task.name": "shop_web.1.x",
        "com.docker.stack.namespace": "shop",
    }
    compose = {"com.docker.compose.service": "db", "com.docker.compose.project": "blog"}
    found = rows.scan(ROOT, [container("b", "b", compose), container("a", "a", swarm)], []).containers
    assert [(row.service, row.task, row.stack) for row in found] == [
        ("shop_web", "shop_web.1.x", "shop"),
        ("db", "", "blog"),
    ]


def test_orphans_are_listed_apart_and_binds_only_in_their_containers() -> None:
    uses = (LayerUse.IMAGE, LayerUse.ORPHAN, LayerUse.UNCLAIMED, LayerUse.REMOVING, LayerUse.BUILD_CACHE)
    layers = [Layer(root=ROOT, key=f"overlay2/{use}", use=use) for use in uses]
    answer = rows.scan(ROOT, [*layers, Bind(root=ROOT, key="/srv"), Image(root=ROOT, key="sha256:1")], ["x: bad"])
    assert [row.use for row in answer.orphans] == [LayerUse.ORPHAN]
    assert {row.use for row in answer.layers} == set(uses) - {LayerUse.ORPHAN}
    assert [row.image_id for row in answer.images] == ["sha256:1"]
    assert answer.problems == ["x: bad"]
