"""aufs (up to Engine 23): ``aufs/diff/<id>``, the parents' names in ``aufs/layers/<id>``, mounted at ``aufs/mnt/<id>``.

Source: moby 23 ``daemon/graphdriver/aufs/aufs.go``.
"""

from typing import Final

from agent.backends.layout import Beside, Layout
from protocol.entries import PathKind, Role

LAYOUT: Final = Layout(
    driver="aufs",
    path_kind=PathKind.DIFF,
    directory="aufs/diff",
    beside=(Beside("aufs/layers", Role.METADATA), Beside("aufs/mnt", Role.MOUNT, views=(".",))),
)
