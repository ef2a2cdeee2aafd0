"""vfs: every layer is a whole copy, ``vfs/dir/<id>``.

Source: moby ``daemon/graphdriver/vfs/driver.go``.
"""

from typing import Final

from agent.backends.layout import Layout
from protocol.entries import PathKind

LAYOUT: Final = Layout(driver="vfs", path_kind=PathKind.FULL_VIEW, directory="vfs/dir")
