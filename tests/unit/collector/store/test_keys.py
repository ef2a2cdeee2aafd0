"""What entries are found by."""

from hypothesis import given
from hypothesis import strategies as st

from collector.store import keys
from protocol.answers import ContainerRow
from protocol.entries import (
    Bind,
    Container,
    Entry,
    Image,
    Layer,
    LayerUse,
    Mount,
    Place,
    ResolvedBy,
    Role,
    Volume,
)

ROOT = "/var/lib/docker"
CID, CHAIN, IMAGE = "c" * 64, "sha256:" + "a" * 64, "sha256:" + "b" * 64
LAYER_DIR = f"{ROOT}/overlay2/{'d' * 64}"

WEB = Container(
    root=ROOT,
    key=CID,
    name="shop_web.1.t1",
    mount_id="d" * 64,
    init_id="d" * 64 + "-init",
    parent_chain_id=CHAIN,
    resolved_by=ResolvedBy.LAYERDB,
    image="docker.io/library/nginx:1.27@sha256:ee",
    image_id=IMAGE,
    labels={
        "com.docker.swarm.service.name": "shop_web",
        "com.docker.swarm.service.id": "s1",
        "com.docker.swarm.task.name": "shop_web.1.t1",
        "com.docker.swarm.task.id": "t1",
        "com.docker.stack.namespace": "shop",
        "tier": "front",
    },
    mounts=(
        Mount(type="volume", destination="/data", name="data", source=f"{ROOT}/volumes/data/_data"),
        Mount(type="bind", destination="/srv", source="/srv/web"),
        Mount(type="tmpfs", destination="/run"),
    ),
    paths=(
        Place(LAYER_DIR, Role.WRITABLE, ("diff", "merged")),
        Place(f"{LAYER_DIR}-init", Role.INIT, ("diff",)),
        Place(f"{ROOT}/overlay2/l/SHORT", Role.LINK, (".",)),
        Place(f"{ROOT}/containers/{CID}", Role.CONTAINER_DIR),
    ),
)


def found_by(entry: Entry, kind: str, value: str) -> bool:
    """Whether the entry is found when ``value`` is looked up as ``kind``."""
    return keys.hash_token(keys.token(kind, value)) in keys.ref_keys(entry)


def test_a_container_is_found_by_everything_it_is_called() -> None:
    names = {
        "id": [CID],
        "name": ["shop_web.1.t1"],
        "service": ["shop_web", "web", "s1"],
        "service-id": ["s1"],
        "task": ["shop_web.1.t1", "shop_web.1", "web.1", "t1"],
        "task-id": ["t1"],
        "stack": ["shop"],
        "mount-id": ["d" * 64],
        "snapshot-id": ["d" * 64],
        "init-id": ["d" * 64 + "-init"],
        "chain": [CHAIN],
        "image": ["nginx:1.27", "nginx", "docker.io/library/nginx:1.27", "nginx@sha256:ee"],
        "image-id": [IMAGE, "b" * 64],
        "label": ["tier", "tier=front"],
        "volume": ["data"],
        "bind": ["/srv/web"],
        "dir": ["d" * 64, "d" * 64 + "-init", "SHORT", CID],
    }
    missing = [(kind, value) for kind, values in names.items() for value in values if not found_by(WEB, kind, value)]
    assert missing == []


def test_a_container_is_not_found_by_what_it_is_not_called() -> None:
    for kind, value in [
        ("service", "shop"),
        ("stack", "shop_web"),
        ("image", "nginx:latest"),
        ("label", "tier=back"),
        ("bind", f"{ROOT}/volumes/data/_data"),
        ("name", ""),
        ("dir", "diff"),
    ]:
        assert not found_by(WEB, kind, value), (kind, value)


def test_what_has_no_name_has_no_token() -> None:
    assert list(keys.tokens(Container(root=ROOT, key=CID))) == [f"id:{CID}"]


def test_compose_names_services_and_projects() -> None:
    labels = {"com.docker.compose.service": "web", "com.docker.compose.project": "shop"}
    entry = Container(root=ROOT, key=CID, labels=labels)
    assert found_by(entry, "service", "web")
    assert found_by(entry, "stack", "shop")


def test_an_image_without_a_tag_is_the_latest() -> None:
    for image in ("nginx", "nginx:latest", "docker.io/library/nginx"):
        entry = Container(root=ROOT, key=CID, image=image)
        assert found_by(entry, "image", "nginx"), image
        assert found_by(entry, "image", "nginx:latest"), image


def test_a_registrys_port_is_no_tag() -> None:
    assert keys.image_names("registry:5000/shop/web") == (
        "registry:5000/shop/web",
        "registry:5000/shop/web:latest",
    )
    assert keys.image_names("registry:5000/shop/web:2")[-1] == "registry:5000/shop/web"
    assert keys.image_names("") == ()


def test_layers_images_volumes_and_binds_are_found_by_their_names() -> None:
    layer = Layer(root=ROOT, key=CHAIN, parent="sha256:p", cache_id="e1", diff_id="sha256:f")
    orphan = Layer(root=ROOT, key="overlay2/zz", use=LayerUse.ORPHAN, paths=(Place("/x/zz", Role.LAYER, ("diff",)),))
    image = Image(root=ROOT, key=IMAGE, tags=("nginx:1.27",), digests=("nginx@sha256:ee",), layers=(CHAIN,))
    volume = Volume(root=ROOT, key="data", labels={"keep": "yes"})
    bind = Bind(root=ROOT, key="/srv/web")
    names: list[tuple[Entry, str, str]] = [
        (layer, "chain", CHAIN),
        (layer, "id", "a" * 64),
        (layer, "parent", "sha256:p"),
        (layer, "cache-id", "e1"),
        (layer, "diff-id", "sha256:f"),
        (orphan, "dir", "zz"),
        (image, "image", "nginx:1.27"),
        (image, "image", "nginx@sha256:ee"),
        (image, "image-id", "b" * 64),
        (image, "chain", CHAIN),
        (volume, "volume", "data"),
        (volume, "label", "keep=yes"),
        (bind, "bind", "/srv/web"),
    ]
    for entry, kind, value in names:
        assert found_by(entry, kind, value), (kind, value)
    assert not found_by(orphan, "chain", "overlay2/zz"), "only image layers carry others"


def test_the_row_of_an_answer_bears_the_same_tokens_as_the_entry() -> None:
    row = ContainerRow(
        container_id=CID,
        root=ROOT,
        name=WEB.name,
        mount_id=WEB.mount_id,
        init_id=WEB.init_id,
        parent_chain_id=CHAIN,
        image=WEB.image,
        image_id=IMAGE,
        labels=WEB.labels,
        mounts=list(WEB.mounts),
        paths=list(WEB.paths),
    )
    assert set(keys.container_tokens(row)) == set(keys.tokens(WEB))


def test_places_are_found_by_their_whole_path() -> None:
    assert keys.path_keys(WEB) == sorted({keys.hash_path(place.path) for place in WEB.paths})


@given(st.text(), st.text(), st.text(), st.text())
def test_root_and_key_do_not_run_into_one_another(root: str, key: str, other_root: str, other_key: str) -> None:
    same = (root, key) == (other_root, other_key)
    assert (keys.entry_id(root, key) == keys.entry_id(other_root, other_key)) == same


@given(st.text())
def test_numbers_fit_a_bigint(text: str) -> None:
    assert -(2**63) <= keys.hash_path(text) < 2**63


@given(st.text(alphabet="abc./:@", max_size=12))
def test_every_way_to_write_an_image_leads_to_itself(reference: str) -> None:
    entry = Container(root=ROOT, key=CID, image=reference)
    if keys.image_names(reference):
        assert found_by(entry, "image", reference)
