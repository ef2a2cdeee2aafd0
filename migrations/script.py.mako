"""${message}

Collectors of the previous release go on working while and after this runs: new columns have a default or may be
null, nothing that they read or write is renamed or dropped, indexes are made CONCURRENTLY in an autocommit block,
and no lock on a table that ingest writes is held for more than two seconds. What became useless is dropped one
release later. Number revisions; raise ``collector.store.tables.REVISION`` with the release that needs this one.
"""

from typing import Final

from alembic import op
${imports if imports else ""}
revision: Final = ${repr(up_revision)}
down_revision: Final = ${repr(down_revision)}
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    ${upgrades if upgrades else 'op.execute("")'}
