"""The register's memory: what began or ended in a window is found without reading whole months.

Additive: collectors of the previous release do not notice.
"""

from typing import Final

from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"
branch_labels: Final = None
depends_on: Final = None

_STATEMENTS: Final = (
    "CREATE INDEX history_ended ON history USING brin (ended_before)",
    "CREATE INDEX history_began ON history USING brin (began_before timestamptz_minmax_multi_ops)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
