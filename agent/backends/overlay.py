"""overlay (up to Engine 23): a container writes to ``overlay/<id>/upper``; an image layer is a whole tree, ``root``.

Source: moby 23 ``daemon/graphdriver/overlay/overlay.go``.
"""

from typing import Final

from agent.backends.layout import Layout
from protocol.entries import PathKind

LAYOUT: Final = Layout(
    driver="overlay",
    path_kind=PathKind.DIFF,
    directory="overlay",
    diff="upper",
    image_diff="root",
    views=("upper", "merged"),
    image_views=("root", "upper"),
    reserved=frozenset({"backingFsBlockDev"}),
)
