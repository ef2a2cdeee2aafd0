"""The register: nodes, heartbeats, entries and their history, gaps, credentials.

``collector.store.tables`` explains the tables. The months of ``history`` begin one before the present: a clock may
have been set back since the last row was written.
"""

from datetime import datetime
from typing import Final

from alembic import op

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None

_STATEMENTS: Final = (
    """
    CREATE TABLE credentials (
        token_hash bytea NOT NULL,
        role text COLLATE "C" NOT NULL,
        cluster text COLLATE "C" DEFAULT '' NOT NULL,
        node text COLLATE "C" DEFAULT '' NOT NULL,
        comment text DEFAULT '' NOT NULL,
        created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        revoked_at timestamptz,
        CONSTRAINT credentials_pkey PRIMARY KEY (token_hash),
        CONSTRAINT credentials_role_check CHECK (role IN ('agent', 'operator', 'auditor', 'admin')),
        CONSTRAINT credentials_agent_has_node_check CHECK ((role = 'agent') = (cluster <> '' AND node <> ''))
    )
    """,
    """
    CREATE TABLE entries (
        node_id integer NOT NULL,
        kind text COLLATE "C" NOT NULL,
        entry_id uuid NOT NULL,
        root text COLLATE "C" DEFAULT '' NOT NULL,
        key text COLLATE "C" DEFAULT '' NOT NULL,
        hash bytea NOT NULL,
        began_after timestamptz,
        began_before timestamptz NOT NULL,
        name text COLLATE "C",
        mount_id text COLLATE "C",
        doc jsonb NOT NULL,
        path_keys bigint[] NOT NULL,
        ref_keys bigint[] NOT NULL,
        CONSTRAINT entries_pkey PRIMARY KEY (node_id, kind, entry_id)
    ) WITH (fillfactor = 85)
    """,
    "CREATE INDEX entries_bind_paths ON entries USING gin (path_keys) WITH (fastupdate = off) WHERE kind = 'bind'",
    "CREATE INDEX entries_container_key ON entries (key, node_id) WHERE kind = 'container'",
    "CREATE INDEX entries_container_mount_id ON entries (mount_id, node_id) WHERE kind = 'container'",
    "CREATE INDEX entries_container_name ON entries (name, node_id) WHERE kind = 'container'",
    "CREATE INDEX entries_paths ON entries USING gin (path_keys) WITH (fastupdate = off) WHERE kind <> 'bind'",
    "CREATE INDEX entries_refs ON entries USING gin (ref_keys) WITH (fastupdate = off)",
    """
    CREATE TABLE gaps (
        id bigint GENERATED ALWAYS AS IDENTITY,
        node_id integer NOT NULL,
        reason text COLLATE "C" NOT NULL,
        detail text COLLATE "C" DEFAULT '' NOT NULL,
        after timestamptz,
        before timestamptz NOT NULL,
        CONSTRAINT gaps_pkey PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX gaps_node_id_before ON gaps (node_id, before)",
    """
    CREATE TABLE history (
        node_id integer NOT NULL,
        kind text COLLATE "C" NOT NULL,
        entry_id uuid NOT NULL,
        root text COLLATE "C" DEFAULT '' NOT NULL,
        key text COLLATE "C" DEFAULT '' NOT NULL,
        hash bytea NOT NULL,
        began_after timestamptz,
        began_before timestamptz NOT NULL,
        ended_after timestamptz NOT NULL,
        ended_before timestamptz NOT NULL,
        ended_why text COLLATE "C" NOT NULL,
        name text COLLATE "C",
        mount_id text COLLATE "C",
        doc jsonb NOT NULL,
        path_keys bigint[] NOT NULL,
        ref_keys bigint[] NOT NULL,
        CONSTRAINT history_pkey PRIMARY KEY (node_id, kind, entry_id, ended_before)
    ) PARTITION BY RANGE (ended_before)
    """,
    "CREATE INDEX history_bind_paths ON history USING gin (path_keys) WITH (fastupdate = off) WHERE kind = 'bind'",
    "CREATE INDEX history_container_key ON history (key, node_id) WHERE kind = 'container'",
    "CREATE INDEX history_container_mount_id ON history (mount_id, node_id) WHERE kind = 'container'",
    "CREATE INDEX history_container_name ON history (name, node_id) WHERE kind = 'container'",
    "CREATE INDEX history_paths ON history USING gin (path_keys) WITH (fastupdate = off) WHERE kind <> 'bind'",
    "CREATE INDEX history_refs ON history USING gin (ref_keys) WITH (fastupdate = off)",
    """
    CREATE TABLE node_heartbeats (
        node_id integer NOT NULL,
        generation text COLLATE "C" DEFAULT '' NOT NULL,
        seq bigint NOT NULL,
        state_hash bytea NOT NULL,
        heard_at timestamptz NOT NULL,
        heard_before timestamptz,
        listed_at timestamptz,
        agent_clock double precision,
        skew double precision,
        lost_events bigint DEFAULT '0' NOT NULL,
        CONSTRAINT node_heartbeats_pkey PRIMARY KEY (node_id)
    ) WITH (fillfactor = 30)
    """,
    """
    CREATE TABLE nodes (
        id integer GENERATED ALWAYS AS IDENTITY,
        cluster text COLLATE "C" DEFAULT '' NOT NULL,
        node text COLLATE "C" DEFAULT '' NOT NULL,
        hostname text COLLATE "C" DEFAULT '' NOT NULL,
        engine_id text COLLATE "C" DEFAULT '' NOT NULL,
        engine jsonb DEFAULT '{}'::jsonb NOT NULL,
        backends jsonb DEFAULT '[]'::jsonb NOT NULL,
        problems jsonb DEFAULT '[]'::jsonb NOT NULL,
        agent text COLLATE "C" DEFAULT '' NOT NULL,
        instance text COLLATE "C" DEFAULT '' NOT NULL,
        attempt bigint DEFAULT '0' NOT NULL,
        boot_id text COLLATE "C" DEFAULT '' NOT NULL,
        former jsonb DEFAULT '{}'::jsonb NOT NULL,
        generation text COLLATE "C" DEFAULT '' NOT NULL,
        hash_version smallint DEFAULT '1' NOT NULL,
        last_seq bigint DEFAULT '0' NOT NULL,
        state_hash bytea NOT NULL,
        last_digest bytea,
        last_reply bytea,
        changed_at timestamptz NOT NULL,
        listed_at timestamptz,
        observed_since timestamptz,
        enumerated jsonb DEFAULT '{}'::jsonb NOT NULL,
        complete text[] DEFAULT '{}'::text[] NOT NULL,
        conflict_since timestamptz,
        conflict_seen timestamptz,
        conflict_with jsonb,
        CONSTRAINT nodes_pkey PRIMARY KEY (id),
        CONSTRAINT nodes_cluster_node_key UNIQUE (cluster, node)
    ) WITH (fillfactor = 50)
    """,
    "CREATE INDEX nodes_engine_id ON nodes (cluster, engine_id) WHERE engine_id <> ''",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
    today: datetime = op.get_bind().exec_driver_sql("SELECT clock_timestamp() AT TIME ZONE 'UTC'").scalar_one()
    number = today.year * 12 + today.month - 1
    for first in range(number - 1, number + 4):
        lower, upper = (f"{month // 12:04}-{month % 12 + 1:02}" for month in (first, first + 1))
        op.execute(
            f"CREATE TABLE history_{lower.replace('-', '_')} PARTITION OF history "
            f"FOR VALUES FROM ('{lower}-01 00:00:00+00') TO ('{upper}-01 00:00:00+00')"
        )
