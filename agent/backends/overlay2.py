"""overlay2: ``overlay2/<id>/diff``, the merged view beside it while it is mounted, a short name below ``overlay2/l``.

Source: moby ``daemon/graphdriver/overlay2/overlay.go``.
"""

from typing import Final

from agent.backends.layout import Layout
from protocol.entries import PathKind

LAYOUT: Final = Layout(
    driver="overlay2",
    path_kind=PathKind.DIFF,
    directory="overlay2",
    diff="diff",
    image_diff="diff",
    views=("diff", "merged"),
    image_views=("diff",),
    link="link",
    links="overlay2/l",
    # The device is the quota's handle on the file system (moby daemon/graphdriver/../quota/projectquota.go).
    reserved=frozenset({"l", "backingFsBlockDev"}),
)
