"""Room for a next version on the pages of ``entries``, so that a change of state writes into no index.

Additive: collectors of earlier releases do not notice. It is for pages that are filled from now on; those that are
full get their room as their rows change.
"""

from typing import Final

from alembic import op

revision: Final = "0011"
down_revision: Final = "0010"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.execute("ALTER TABLE entries SET (fillfactor = 75)")
