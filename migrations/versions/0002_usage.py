"""Sizes: what entries cost, how that changed, and how much room is left.

``collector.store.tables`` explains the tables. A collector of the release before does not know them.
"""

from typing import Final

from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

_STATEMENTS: Final = (
    """
    CREATE TABLE usage_current (
        node_id integer NOT NULL,
        kind text COLLATE "C" NOT NULL,
        entry_id uuid NOT NULL,
        part text COLLATE "C" NOT NULL,
        bytes bigint NOT NULL,
        inodes bigint NOT NULL,
        partial boolean DEFAULT 'false' NOT NULL,
        first_at timestamptz NOT NULL,
        measured_at timestamptz NOT NULL,
        CONSTRAINT usage_current_pkey PRIMARY KEY (node_id, kind, entry_id, part)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE usage_samples (
        node_id integer NOT NULL,
        kind text COLLATE "C" NOT NULL,
        entry_id uuid NOT NULL,
        part text COLLATE "C" NOT NULL,
        hour timestamptz NOT NULL,
        bytes bigint NOT NULL,
        inodes bigint NOT NULL,
        measured_at timestamptz NOT NULL,
        CONSTRAINT usage_samples_pkey PRIMARY KEY (node_id, kind, entry_id, part, hour)
    )
    """,
    "CREATE INDEX usage_samples_hour ON usage_samples USING brin (hour)",
    """
    CREATE TABLE rooms (
        node_id integer NOT NULL,
        path text COLLATE "C" NOT NULL,
        device bigint NOT NULL,
        total_bytes bigint NOT NULL,
        free_bytes bigint NOT NULL,
        total_inodes bigint NOT NULL,
        free_inodes bigint NOT NULL,
        measured_at timestamptz NOT NULL,
        CONSTRAINT rooms_pkey PRIMARY KEY (node_id, path)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
