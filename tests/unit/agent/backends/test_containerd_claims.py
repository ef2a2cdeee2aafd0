"""The containerd image store: images, their layers, and who else claims what lies in its directories."""

import json
from pathlib import Path

import pytest

from agent.backends.discover import look
from agent.backends.unclaimed import Moment
from agent.inventory import take
from protocol.entries import Kind, LayerUse
from tests.unit.agent.backends.stored import (
    HOST,
    ONE,
    THREE,
    TWO,
    filled,
    layers,
    reader,
)


def test_image_layers_are_keyed_by_their_chain_and_know_what_they_stand_on(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.write()
    found = list(reader(store).layers())
    assert {layer.use for layer in found} == {LayerUse.IMAGE}
    assert [layer.key for layer in found] == [key for key in store.names if key.startswith("sha256:")]
    assert [layer.parent for layer in found] == ["", found[0].key, found[1].key]
    assert all(layer.diff_path and layer.diff_path.endswith(f"/{layer.cache_id}/fs") for layer in found)


def test_images_have_their_names_layers_and_platform(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.image("moby-dangling@sha256:0", ["z"])
    store.image("registry.example:5000/team/tool:3", ["a"], platform="linux/arm64")
    store.write()
    found = {image.tags: image for image in reader(store).images()}
    assert set(found) == {("base:1",), ("web:2",), (), ("registry.example:5000/team/tool:3",)}
    web = found["web:2",]
    assert web.digests == (f"web@{web.key}",)
    assert web.platform == "linux/amd64"
    assert web.created_at == "2026-01-05T08:00:00Z"
    assert set(web.layers) <= {layer.key for layer in reader(store).layers()}
    tool = found["registry.example:5000/team/tool:3",]
    assert tool.digests == (f"registry.example:5000/team/tool@{tool.key}",)
    assert tool.platform == "linux/arm64"


def test_of_an_image_of_several_platforms_the_unpacked_one_counts(tmp_path: Path) -> None:
    store = filled(tmp_path)
    here, there = store.image("x", ["a", "here"], named=False), store.image("x", ["there"], named=False)
    missing = "sha256:" + "0" * 64
    del store.names[store.top(there)]
    store.numbers = {store.name(key): store.numbers[store.name(key)] for key in store.names}
    proof = {"digest": there, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    index = {"manifests": [proof, {"digest": missing}, {"digest": there}, {"digest": here}]}
    store.images["docker.io/library/many:1"] = store.blob(json.dumps(index).encode())
    store.write()
    (many,) = [image for image in reader(store).images() if image.tags == ("many:1",)]
    assert many.layers[-1] == store.top(here)


@pytest.mark.parametrize(
    ("data", "what"), [(b"{}", "holds something else"), (None, "not in the content store"), (b"x" * 9_000_000, "more")]
)
def test_an_image_whose_content_is_damaged_is_listed_with_a_reason(
    tmp_path: Path, data: bytes | None, what: str
) -> None:
    store = filled(tmp_path)
    store.write()
    blob = (
        store.root
        / "io.containerd.content.v1.content/blobs/sha256"
        / store.images["docker.io/library/web:2"].removeprefix("sha256:")
    )
    blob.unlink()
    if data is not None:
        blob.write_bytes(data)
    one = reader(store)
    found = {image.tags: image for image in one.images()}
    assert what in found["web:2",].reason
    assert found["web:2",].layers == ()
    assert found["base:1",].reason == ""
    assert len(one.problems.sentences) == 1


def test_build_cache_leases_labels_and_other_clients_are_no_orphans(tmp_path: Path) -> None:
    store = filled(tmp_path)
    cached = store.cache("abcdefghijklmnopqrstuvwxy", store.top(store.images["docker.io/library/base:1"]))
    store.leases["abcdefghijklmnopqrstuvwxy-view"] = ["abcdefghijklmnopqrstuvwxy-view"]
    view = store.snapshot("abcdefghijklmnopqrstuvwxy-view", "abcdefghijklmnopqrstuvwxy")
    leaving = store.snapshot("abcdefghijklmnopqrstuvwxy-variants", "abcdefghijklmnopqrstuvwxy")
    pulling = store.snapshot("extract-1234 sha256:x")
    store.leases["pull"] = ["extract-1234 sha256:x"]
    rooted = store.snapshot("kept")
    store.labels["kept"] = {"containerd.io/gc.root": b"yes"}
    below = store.snapshot("below")
    above = store.snapshot("above", "below")
    other = store.snapshot("pod")
    store.numbers["k8s.io/9/pod"] = store.numbers.pop(store.name("pod"))
    del store.names["pod"]
    nobody = store.snapshot("nobody's")
    store.write()
    found = layers(store)
    uses = {number: layer.use for number, layer in found.items() if not layer.key.startswith("sha256:")}
    assert uses == {
        cached: LayerUse.BUILD_CACHE,
        view: LayerUse.BUILD_CACHE,
        leaving: LayerUse.BUILD_CACHE,
        pulling: LayerUse.UNCLAIMED,
        rooted: LayerUse.UNCLAIMED,
        below: LayerUse.UNCLAIMED,
        above: LayerUse.ORPHAN,
        other: LayerUse.UNCLAIMED,
        nobody: LayerUse.ORPHAN,
    }
    assert found[nobody].key == f"overlayfs/{nobody}"
    assert "k8s.io" in found[other].evidence
    assert {layer.use for layer in layers(store, Moment(0.0)).values()} == {
        LayerUse.IMAGE,
        LayerUse.BUILD_CACHE,
        LayerUse.UNCLAIMED,
    }


def test_what_a_container_stands_on_stays_an_image_layer_without_its_image(tmp_path: Path) -> None:
    store = filled(tmp_path)
    del store.images["docker.io/library/web:2"]
    store.leases.clear()
    store.write()
    found = layers(store)
    assert {layer.use for layer in found.values()} == {LayerUse.IMAGE}
    assert found["2"].key == "sha256:" + found["2"].key.removeprefix("sha256:")


def test_a_removed_containers_snapshots_are_no_container_any_more(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.write()
    (tmp_path / "containers" / ONE).rmdir()
    one = reader(store)
    assert one.container_ids() == [TWO, THREE]
    use = {layer.cache_id: layer.use for layer in one.layers()}
    assert use[store.number(ONE)] == use[store.number(f"{ONE}-init")] == LayerUse.UNCLAIMED
    del store.leases[ONE], store.containers[ONE]
    store.write_databases()
    use = {number: layer.use for number, layer in layers(store).items()}
    assert use[store.number(ONE)] == LayerUse.ORPHAN
    assert use[store.number(f"{ONE}-init")] == LayerUse.UNCLAIMED


def test_a_reference_that_leads_nowhere_keeps_everything_from_being_called_an_orphan(tmp_path: Path) -> None:
    store = filled(tmp_path)
    nobody = store.snapshot("nobody's")
    store.images["docker.io/library/web:2"] = "sha256:" + "0" * 64
    store.write()
    layer = layers(store)[nobody]
    assert layer.use == LayerUse.UNCLAIMED
    assert "content of the image docker.io/library/web:2 is missing" in layer.evidence


@pytest.mark.parametrize(("snapshotter", "left"), [("overlayfs", LayerUse.REMOVING), ("native", LayerUse.ORPHAN)])
def test_directories_that_the_records_do_not_name(tmp_path: Path, snapshotter: str, left: LayerUse) -> None:
    store = filled(tmp_path, snapshotter)
    store.last += 1
    gone = str(store.last)
    store.write()
    for name in (gone, "999", "new-123", "rm-5"):
        (store.home / "snapshots" / name).mkdir()
    use = {number: layer.use for number, layer in layers(store).items()}
    assert [use[name] for name in (gone, "999", "new-123", "rm-5")] == [left, left, left, LayerUse.REMOVING]
    use = {number: layer.use for number, layer in layers(store, Moment(0.0)).items()}
    assert use["new-123"] == use["999"] == LayerUse.UNCLAIMED


def test_views_of_native_have_no_directory_and_are_no_layer(tmp_path: Path) -> None:
    store = filled(tmp_path, "native")
    base = store.top(store.images["docker.io/library/base:1"])
    view = store.snapshot("v", base, kind=b"\x01")
    store.leases["v"] = ["v"]
    store.write_databases()
    assert view not in layers(store)


# Nothing of a container's secrets, and no harm from damage.


def test_no_environment_variable_is_in_anything_that_is_reported(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.containers[ONE] = json.dumps({"process": {"env": ["TOKEN=hunter2"]}}).encode() * 400
    store.containers[TWO] = b'{"process":{"env":["TOKEN=hunter2"]}}'
    store.write()
    found = take(look(HOST, local=str(tmp_path), driver="overlayfs"), None)
    assert len(found.entries) == 3 + 3 + 2
    assert "hunter2" not in repr(found)


def test_the_inventory_of_a_node_on_the_image_store_is_complete(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.write()
    found = take(look(HOST, local=str(tmp_path), driver="overlayfs"), None)
    assert found.complete == dict.fromkeys(Kind, True)
    assert [(backend.name, backend.type, backend.current) for backend in found.backends] == [
        ("overlayfs", "snapshotter", True)
    ]
