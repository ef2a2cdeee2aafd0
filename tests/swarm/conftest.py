"""The lab that the tests with real engines share."""

from collections.abc import Iterator

import pytest

from tests.swarm.lab import Lab, missing


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """An open lab. Where none can be, its tests are skipped with the reason (in CI, failed)."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with Lab() as opened:
        yield opened
