"""The databases of the integration tests."""

from tests.integration.conftest import database_url, empty_database_url, migrated, postgres_server

__all__ = ["database_url", "empty_database_url", "migrated", "postgres_server"]
