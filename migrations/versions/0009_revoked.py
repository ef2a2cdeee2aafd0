"""Revoked tokens by themselves, so that whether there is a new one is a cheap question.

Additive: collectors of the previous release look up what they know of, as before.
"""

from typing import Final

from alembic import op

revision: Final = "0009"
down_revision: Final = "0008"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # One that was interrupted leaves an index that is not valid.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS credentials_revoked")
        op.execute(
            "CREATE INDEX CONCURRENTLY credentials_revoked ON credentials (revoked_at) WHERE revoked_at IS NOT NULL"
        )
