"""Which shapes of names and places were ever written, so that look-ups leave out what can be nowhere.

Additive: collectors of earlier releases do not notice. They write entries without a word about shapes; so for every
connection that does not say with ``mountbook.shapes`` that it keeps them, a trigger forgets them, and they are counted
anew. In a register that has entries they are not known at first: nothing is left out until a collector has counted.

The lock on ``entries`` is held for a moment: nothing is read but whether there is one.
"""

from typing import Final

from alembic import op

revision: Final = "0010"
down_revision: Final = "0009"
branch_labels: Final = None
depends_on: Final = None

_STATEMENTS: Final = (
    """
    CREATE TABLE shapes (
        id smallint NOT NULL DEFAULT 1 CONSTRAINT shapes_pkey PRIMARY KEY,
        present bit(1472),
        counting bit(1472),
        counted_at timestamptz,
        CONSTRAINT shapes_one_check CHECK (id = 1)
    )
    """,
    """
    CREATE FUNCTION forget_shapes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE shapes SET present = NULL, counting = NULL WHERE present IS NOT NULL OR counting IS NOT NULL;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER entries_shapes AFTER INSERT OR UPDATE ON entries FOR EACH STATEMENT
    WHEN (current_setting('mountbook.shapes', true) IS DISTINCT FROM '1')
    EXECUTE FUNCTION forget_shapes()
    """,
    """
    INSERT INTO shapes (present, counted_at)
    SELECT CASE WHEN NOT EXISTS (SELECT FROM entries) THEN CAST(B'0' AS bit(1472)) END, clock_timestamp()
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
