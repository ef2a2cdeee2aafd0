"""Heartbeats have numbers: one that arrives again, or behind a later one, is known by its own.

Additive: collectors of the previous release neither write nor read the number.
"""

from typing import Final

from alembic import op

revision: Final = "0012"
down_revision: Final = "0011"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.execute("ALTER TABLE node_heartbeats ADD COLUMN beat bigint NOT NULL DEFAULT 0")
