"""btrfs: every layer is a subvolume, ``btrfs/subvolumes/<id>``, a snapshot of the one below.

Source: moby ``daemon/graphdriver/btrfs/btrfs.go``.
"""

from typing import Final

from agent.backends.layout import Beside, Layout
from protocol.entries import PathKind, Role

LAYOUT: Final = Layout(
    driver="btrfs",
    path_kind=PathKind.FULL_VIEW,
    directory="btrfs/subvolumes",
    beside=(Beside("btrfs/quotas", Role.METADATA),),
)
