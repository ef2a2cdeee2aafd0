"""When a node's present generation began: what is newer than an agent's list may have been told by the one before it.

Additive: collectors of the previous release leave it as it is, which ends what they would have ended.
"""

from typing import Final

from alembic import op

revision: Final = "0008"
down_revision: Final = "0007"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.execute("ALTER TABLE nodes ADD COLUMN greeted_at timestamptz")
