"""The audit log has no holes while a collector of release 0.1 runs beside this one's: the database notes for it.

A collector of release 0.1 accepts messages without a word for the audit log. From here on a trigger says it in its
place, in the same transaction; collectors that note themselves say so with the setting ``mountbook.notes``. What nodes
had sent before is told once, as the place from which on the log watches each of them.

Additive: collectors of the previous release do not notice. The lock on ``nodes`` is held while one row for each node
is written.
"""

from typing import Final

from alembic import op

revision: Final = "0007"
down_revision: Final = "0006"
branch_labels: Final = None
depends_on: Final = None

_STATEMENTS: Final = (
    """
    CREATE FUNCTION note_accepted() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        told jsonb := jsonb_build_object('cluster', NEW.cluster, 'node', NEW.node, 'generation', NEW.generation,
            'state_hash', encode(NEW.state_hash, 'hex'), 'noted_by', 'database');
    BEGIN
        IF NEW.generation <> OLD.generation THEN
            INSERT INTO audit_pending (kind, body) VALUES ('hello', (told || jsonb_build_object(
                'instance', NEW.instance, 'boot_id', NEW.boot_id, 'attempt', NEW.attempt))::text);
        END IF;
        IF NEW.last_seq > 0 THEN
            INSERT INTO audit_pending (kind, body)
            VALUES ('state', (told || jsonb_build_object('seq', NEW.last_seq))::text);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER nodes_accepted AFTER UPDATE OF generation, last_seq ON nodes FOR EACH ROW
    WHEN ((NEW.generation, NEW.last_seq) IS DISTINCT FROM (OLD.generation, OLD.last_seq)
        AND current_setting('mountbook.notes', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION note_accepted()
    """,
    """
    INSERT INTO audit_pending (kind, body)
    SELECT 'watched', jsonb_build_object('cluster', cluster, 'node', node, 'generation', generation,
        'seq', last_seq, 'state_hash', encode(state_hash, 'hex'))::text
    FROM nodes WHERE generation <> '' ORDER BY id
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
