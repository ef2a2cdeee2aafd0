"""Lost events: how many there were before the last heartbeat, so that a rise becomes a gap.

Additive: collectors of the previous release leave the column alone.
"""

from typing import Final

from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.execute("ALTER TABLE node_heartbeats ADD COLUMN lost_before bigint DEFAULT '0' NOT NULL")
