"""The releases that came before, each as it was recorded (``record.py``)."""

import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.integration.conftest import database, database_url, empty_database_url, migrated, postgres_server

__all__ = ["database", "database_url", "empty_database_url", "migrated", "postgres_server"]

HERE = Path(__file__).resolve().parent
RELEASES = sorted(path.name for path in HERE.iterdir() if path.name[0].isdigit())


@dataclass(frozen=True)
class Release:
    """One release: its files, and where its programs were unpacked."""

    files: Path
    programs: Path

    def fill(self, url: str) -> None:
        """Bring an empty database to what this release had in it."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute((self.files / "register.sql").read_bytes())


@pytest.fixture(scope="session", params=RELEASES)
def release(request: pytest.FixtureRequest) -> Iterator[Release]:
    """Every release in turn."""
    files = HERE / str(request.param)
    with tempfile.TemporaryDirectory(prefix="mb-release-") as programs:
        [wheel] = files.glob("*.whl")
        zipfile.ZipFile(wheel).extractall(programs)
        yield Release(files, Path(programs))
