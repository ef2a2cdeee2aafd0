"""A Swarm: enrolments of nodes, and what managers say of their nodes and services.

Additive: collectors of the previous release neither read nor write these tables.
"""

from typing import Final

from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"
branch_labels: Final = None
depends_on: Final = None

_STATEMENTS: Final = (
    """
    CREATE TABLE enrolments (
        token_hash bytea NOT NULL,
        cluster text COLLATE "C" DEFAULT '' NOT NULL,
        node text COLLATE "C" DEFAULT '' NOT NULL,
        hostname text COLLATE "C" DEFAULT '' NOT NULL,
        engine_id text COLLATE "C" DEFAULT '' NOT NULL,
        address text COLLATE "C" DEFAULT '' NOT NULL,
        outcome text COLLATE "C" NOT NULL,
        attempts bigint DEFAULT '1' NOT NULL,
        first_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        last_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT enrolments_pkey PRIMARY KEY (token_hash),
        CONSTRAINT enrolments_outcome_check CHECK (outcome IN ('accepted', 'waiting', 'approved', 'refused'))
    )
    """,
    """
    CREATE TABLE rosters (
        cluster text COLLATE "C" DEFAULT '' NOT NULL,
        version bigint NOT NULL,
        read_at timestamptz NOT NULL,
        node text COLLATE "C" DEFAULT '' NOT NULL,
        services jsonb DEFAULT '[]'::jsonb NOT NULL,
        CONSTRAINT rosters_pkey PRIMARY KEY (cluster)
    )
    """,
    """
    CREATE TABLE roster_nodes (
        cluster text COLLATE "C" DEFAULT '' NOT NULL,
        node text COLLATE "C" DEFAULT '' NOT NULL,
        hostname text COLLATE "C" DEFAULT '' NOT NULL,
        role text COLLATE "C" DEFAULT '' NOT NULL,
        availability text COLLATE "C" DEFAULT '' NOT NULL,
        state text COLLATE "C" DEFAULT '' NOT NULL,
        doc jsonb DEFAULT '{}'::jsonb NOT NULL,
        first_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        left_at timestamptz,
        CONSTRAINT roster_nodes_pkey PRIMARY KEY (cluster, node)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
