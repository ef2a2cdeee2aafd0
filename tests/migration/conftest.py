"""The databases of the integration tests."""

from tests.integration.conftest import empty_database_url, postgres_server

__all__ = ["empty_database_url", "postgres_server"]
