"""fuse-overlayfs (rootless engines): the layout of overlay2 under another name.

Source: moby ``daemon/graphdriver/fuse-overlayfs/fuseoverlayfs.go``.
"""

from dataclasses import replace
from typing import Final

from agent.backends import overlay2

LAYOUT: Final = replace(overlay2.LAYOUT, driver="fuse-overlayfs", directory="fuse-overlayfs", links="fuse-overlayfs/l")
