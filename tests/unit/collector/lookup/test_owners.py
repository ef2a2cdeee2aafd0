from collections.abc import Sequence

import pytest

from collector.lookup.owners import MAX_USERS, Users, held, owner
from collector.lookup.paths import normalise
from collector.store.read.found import Found
from protocol.answers import Bounds, NodeRef, Owner
from protocol.entries import (
    LABEL_COMPOSE_SERVICE,
    LABEL_SERVICE,
    LABEL_STACK,
    Bind,
    Container,
    Entry,
    Image,
    Kind,
    Layer,
    LayerUse,
    Mount,
    Place,
    Role,
    Volume,
)

ROOT = "/var/lib/docker"
MOUNT_ID = "3f2a" * 16
CHAIN = "sha256:" + "c4a1" * 16
WEB = Container(
    root=ROOT,
    key="ab" * 32,
    name="shop_web.1.x7",
    image="nginx:1.27",
    state="running",
    labels={LABEL_SERVICE: "shop_web", LABEL_STACK: "shop"},
    mounts=(
        Mount(type="volume", name="data", destination="/data"),
        Mount(type="bind", source="/srv", destination="/srv"),
    ),
    paths=(
        Place(f"{ROOT}/overlay2/{MOUNT_ID}", Role.WRITABLE, ("diff", "merged")),
        Place(f"{ROOT}/overlay2/{MOUNT_ID}-init", Role.INIT, ("diff", "merged")),
        Place(f"{ROOT}/overlay2/l/ABCDEF", Role.LINK, (".",)),
        Place(f"{ROOT}/containers/{'ab' * 32}", Role.CONTAINER_DIR),
        Place(f"{ROOT}/image/overlay2/layerdb/mounts/{'ab' * 32}", Role.METADATA),
    ),
)
LAYER = Layer(root=ROOT, key=CHAIN, paths=(Place(f"{ROOT}/overlay2/cache1", Role.LAYER, ("diff",)),))
VOLUME = Volume(
    root=ROOT,
    key="data",
    paths=(
        Place(f"{ROOT}/volumes/data/_data", Role.VOLUME, (".",)),
        Place(f"{ROOT}/volumes/data", Role.VOLUME_DIR),
    ),
)


def owner_of(entry: Entry, path: str, containers: Sequence[Container] = (), images: Sequence[Image] = ()) -> Owner:
    found = Found(
        (1, entry.KIND, "e", ""),
        NodeRef(cluster="c", node="n", hostname="n1"),
        entry,
        Bounds(after=None, before="t"),
        None,
    )
    place = held(found, normalise(path))
    assert place is not None, f"{path} is not below any place of the entry"
    return owner(found, *place, Users(containers, images))


@pytest.mark.parametrize(
    ("path", "role", "inside", "words"),
    [
        (
            f"{ROOT}/overlay2/{MOUNT_ID}/diff/etc/nginx/nginx.conf",
            Role.WRITABLE,
            "/etc/nginx/nginx.conf",
            "container shop_web.1.x7 (service shop_web, stack shop) on node n1: /etc/nginx/nginx.conf inside",
        ),
        (f"{ROOT}/overlay2/{MOUNT_ID}", Role.WRITABLE, None, "writable layer of container shop_web.1.x7"),
        (f"{ROOT}/overlay2/{MOUNT_ID}-init/diff/etc/hosts", Role.INIT, "/etc/hosts", "init layer of container"),
        (f"{ROOT}/overlay2/l/ABCDEF/etc", Role.LINK, "/etc", "writable layer (by its short link) of"),
        ("l/ABCDEF", Role.LINK, "/", "writable layer"),
        (f"{ROOT}/containers/{'ab' * 32}/x-json.log", Role.CONTAINER_DIR, None, "the engine's own files (log"),
        (f"{ROOT}/image/overlay2/layerdb/mounts/{'ab' * 32}/init-id", Role.METADATA, None, "records of container"),
    ],
)
def test_every_place_of_a_container_is_told_apart(path: str, role: Role, inside: str | None, words: str) -> None:
    found = owner_of(WEB, path)
    assert (found.kind, found.key, found.role, found.inside) == (Kind.CONTAINER, WEB.key, role, inside)
    assert (found.service, found.stack, found.image) == ("shop_web", "shop", "nginx:1.27")
    assert words in found.sentence


def test_a_compose_container_has_a_service_too() -> None:
    container = Container(root=ROOT, key="ab" * 32, labels={LABEL_COMPOSE_SERVICE: "db"}, paths=WEB.paths)
    found = owner_of(container, "l/ABCDEF")
    assert found.service == "db"
    assert found.sentence.startswith("writable layer (by its short link) of container abababababab (service db)")


def test_an_image_layer_names_all_that_use_it() -> None:
    images = [Image(root=ROOT, key=f"sha256:{n:064d}", tags=(f"app:{n}",)) for n in range(MAX_USERS + 5)]
    found = owner_of(LAYER, f"{ROOT}/overlay2/cache1/diff/usr/bin", [WEB], images)
    assert found.inside == "/usr/bin"
    assert (found.images_total, len(found.images), found.images[0]) == (MAX_USERS + 5, MAX_USERS, "app:0")
    assert [brief.name for brief in found.containers] == ["shop_web.1.x7"]
    assert found.sentence == (
        "image layer sha256:c4a1c4a1c4a1 of app:0 and 104 more, used by 1 container on node n1: /usr/bin inside"
    )


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (LayerUse.ORPHAN, "orphan: layer directory overlay2/cache1"),
        (LayerUse.BUILD_CACHE, "build cache layer overlay2/cache1"),
        (LayerUse.REMOVING, "interrupted"),
        (LayerUse.UNCLAIMED, "younger than the grace period"),
    ],
)
def test_a_layer_that_is_no_image_layer_says_what_it_is(use: LayerUse, words: str) -> None:
    layer = Layer(root=ROOT, key="overlay2/cache1", use=use, paths=LAYER.paths)
    found = owner_of(layer, f"{ROOT}/overlay2/cache1")
    assert found.use is use
    assert words in found.sentence


def test_a_path_in_a_volume_is_shown_as_each_container_sees_it() -> None:
    other = Container(
        root=ROOT, key="cd" * 32, name="backup", mounts=(Mount(type="volume", name="data", destination="/backup"),)
    )
    alone = owner_of(VOLUME, f"{ROOT}/volumes/data/_data/db/f", [WEB])
    assert alone.inside == "/data/db/f"
    assert alone.sentence == "volume data, mounted by shop_web.1.x7 at /data on node n1: /data/db/f inside"
    shared = owner_of(VOLUME, f"{ROOT}/volumes/data/_data/db/f", [other, WEB])
    assert [(brief.name, brief.destination, brief.inside) for brief in shared.containers] == [
        ("shop_web.1.x7", "/data", "/data/db/f"),
        ("backup", "/backup", "/backup/db/f"),
    ]
    assert shared.inside is None
    assert "mounted by shop_web.1.x7 at /data and 1 more" in shared.sentence


def test_what_lies_beside_a_volume_is_seen_by_no_container() -> None:
    found = owner_of(VOLUME, f"{ROOT}/volumes/data/opts.json", [WEB])
    assert (found.role, found.inside, found.containers[0].inside) == (Role.VOLUME_DIR, None, None)


def test_an_unused_volume_says_so() -> None:
    assert owner_of(VOLUME, f"{ROOT}/volumes/data/_data").sentence == "volume data, mounted by no container on node n1"


def test_a_bind_is_its_source_and_whoever_mounts_it() -> None:
    bind = Bind(root=ROOT, key="/srv", paths=(Place("/srv", Role.SOURCE, (".",)),))
    found = owner_of(bind, "/srv/www/index.html", [WEB])
    assert (
        found.sentence == "host directory /srv, mounted by shop_web.1.x7 at /srv on node n1: /srv/www/index.html inside"
    )
