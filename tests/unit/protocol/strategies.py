"""Any entry that the wire can carry."""

from typing import Final

from hypothesis import strategies as st

from protocol.entries import (
    ENTRY_TYPES,
    Bind,
    Container,
    Entry,
    Image,
    Kind,
    Layer,
    LayerUse,
    Mount,
    PathKind,
    Place,
    ResolvedBy,
    Role,
    Volume,
)

TEXT: Final = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
_TEXTS: Final = st.lists(TEXT, max_size=3).map(tuple)
_MAYBE: Final = st.none() | TEXT
_LABELS: Final = st.dictionaries(TEXT, TEXT, max_size=3)

PLACES: Final = st.builds(Place, path=TEXT, role=st.sampled_from(Role), views=_TEXTS)
MOUNTS: Final = st.builds(
    Mount,
    type=TEXT,
    destination=TEXT,
    name=TEXT,
    source=TEXT,
    driver=TEXT,
    mode=TEXT,
    rw=st.booleans(),
    propagation=TEXT,
)
_COMMON: Final = {
    "root": TEXT,
    "key": TEXT,
    "paths": st.lists(PLACES, max_size=3).map(tuple),
}

CONTAINERS: Final = st.builds(
    Container,
    **_COMMON,
    name=TEXT,
    backend=TEXT,
    mount_id=_MAYBE,
    init_id=_MAYBE,
    diff_path=_MAYBE,
    path_kind=st.none() | st.sampled_from(PathKind),
    parent_chain_id=_MAYBE,
    resolved_by=st.sampled_from(ResolvedBy),
    reason=TEXT,
    image=TEXT,
    image_id=TEXT,
    state=TEXT,
    exit_code=st.none() | st.integers(-(2**31), 2**31),
    oom_killed=st.booleans(),
    created_at=TEXT,
    started_at=TEXT,
    finished_at=TEXT,
    labels=_LABELS,
    mounts=st.lists(MOUNTS, max_size=2).map(tuple),
    ghost=st.booleans(),
    outer=TEXT,
)
LAYERS: Final = st.builds(
    Layer,
    **_COMMON,
    backend=TEXT,
    use=st.sampled_from(LayerUse),
    cache_id=TEXT,
    diff_id=TEXT,
    parent=TEXT,
    diff_path=_MAYBE,
    path_kind=st.none() | st.sampled_from(PathKind),
    evidence=TEXT,
    reason=TEXT,
)
IMAGES: Final = st.builds(
    Image,
    **_COMMON,
    tags=_TEXTS,
    digests=_TEXTS,
    layers=_TEXTS,
    platform=TEXT,
    created_at=TEXT,
    backend=TEXT,
    reason=TEXT,
)
VOLUMES: Final = st.builds(
    Volume,
    **_COMMON,
    driver=TEXT,
    mountpoint=TEXT,
    created_at=TEXT,
    labels=_LABELS,
    reason=TEXT,
)
BINDS: Final = st.builds(Bind, **_COMMON, reason=TEXT)

BY_KIND: Final[dict[Kind, st.SearchStrategy[Entry]]] = {
    Kind.CONTAINER: CONTAINERS,
    Kind.LAYER: LAYERS,
    Kind.IMAGE: IMAGES,
    Kind.VOLUME: VOLUMES,
    Kind.BIND: BINDS,
}
ENTRIES: Final[st.SearchStrategy[Entry]] = st.one_of(*BY_KIND.values())

assert BY_KIND.keys() == ENTRY_TYPES.keys()
