"""The audit log: what is to be chained, the chain by month, its head; and holds, which keep months from being dropped.

Additive: collectors of the previous release write nothing there, so what they accept is not in the chain.
"""

from datetime import datetime
from typing import Final

from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"
branch_labels: Final = None
depends_on: Final = None

_STATEMENTS: Final = (
    """
    CREATE TABLE audit_pending (
        id bigint GENERATED ALWAYS AS IDENTITY,
        at timestamptz DEFAULT clock_timestamp() NOT NULL,
        kind text COLLATE "C" NOT NULL,
        body text COLLATE "C" NOT NULL,
        CONSTRAINT audit_pending_pkey PRIMARY KEY (id)
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)
    """,
    """
    CREATE TABLE audit_log (
        seq bigint NOT NULL,
        chained_at timestamptz NOT NULL,
        at timestamptz NOT NULL,
        kind text COLLATE "C" NOT NULL,
        body text COLLATE "C" NOT NULL,
        hash bytea NOT NULL,
        CONSTRAINT audit_log_pkey PRIMARY KEY (seq, chained_at)
    ) PARTITION BY RANGE (chained_at)
    """,
    "CREATE INDEX audit_log_kind_at ON audit_log (kind, at) WHERE kind <> 'state'",
    """
    CREATE TABLE audit_head (
        id smallint DEFAULT 1 NOT NULL,
        register uuid DEFAULT gen_random_uuid() NOT NULL,
        seq bigint DEFAULT 0 NOT NULL,
        hash bytea DEFAULT decode(repeat('00', 32), 'hex') NOT NULL,
        chained_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT audit_head_pkey PRIMARY KEY (id),
        CONSTRAINT audit_head_one_check CHECK (id = 1)
    )
    """,
    "INSERT INTO audit_head DEFAULT VALUES",
    """
    CREATE TABLE holds (
        id bigint GENERATED ALWAYS AS IDENTITY,
        reason text NOT NULL,
        made_by text NOT NULL,
        made_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        until timestamptz,
        released_at timestamptz,
        released_by text,
        CONSTRAINT holds_pkey PRIMARY KEY (id)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
    today: datetime = op.get_bind().exec_driver_sql("SELECT clock_timestamp() AT TIME ZONE 'UTC'").scalar_one()
    number = today.year * 12 + today.month - 1
    for first in range(number - 1, number + 4):
        lower, upper = (f"{month // 12:04}-{month % 12 + 1:02}" for month in (first, first + 1))
        op.execute(
            f"CREATE TABLE audit_log_{lower.replace('-', '_')} PARTITION OF audit_log "
            f"FOR VALUES FROM ('{lower}-01 00:00:00+00') TO ('{upper}-01 00:00:00+00')"
        )
