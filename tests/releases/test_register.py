"""The register of an earlier release is brought forward, and nothing in it is lost."""

import psycopg

from collector.store.tables import REVISION
from migrations.run import upgrade
from tests.releases.conftest import Release

COUNTS = "SELECT kind, count(*) FROM {} GROUP BY kind ORDER BY kind"


def test_its_register_is_brought_forward_and_nothing_is_lost(release: Release, empty_database_url: str) -> None:
    release.fill(empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        before = [connection.execute(COUNTS.format(table).encode()).fetchall() for table in ("entries", "history")]
    assert all(before), "the recorded register has current and closed versions"
    upgrade(empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        after = [connection.execute(COUNTS.format(table).encode()).fetchall() for table in ("entries", "history")]
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (REVISION,)
    assert after == before
