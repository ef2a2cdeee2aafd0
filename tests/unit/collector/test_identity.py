"""Where a collector without credentials may listen."""

import pytest

from collector.errors import StartError
from collector.identity import check_exposure, is_loopback, new_token, token_hash


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_credential(host: str) -> None:
    assert is_loopback(host)
    check_exposure(host, has_credentials=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "collector.example", "127.0.0.1.example", ""])
def test_any_other_address_is_refused_and_says_what_to_do(host: str) -> None:
    with pytest.raises(StartError) as caught:
        check_exposure(host, has_credentials=False)
    assert "mountbook token create" in str(caught.value)
    assert "MOUNTBOOK_HOST" in str(caught.value)
    check_exposure(host, has_credentials=True)


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) >= 43 and token.isascii() for token in tokens)
    assert len({token_hash(token) for token in tokens}) == 100
