import gzip
import random
from collections.abc import Callable

import msgspec
import pytest
import zstandard

from collector.errors import ProblemError
from collector.http.bodies import decode, inflate, split_message
from protocol.messages import Heartbeat

LIMIT = 100_000
PACK: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
}
TEXT = random.Random(7).randbytes(20_000).hex().encode()


@pytest.mark.parametrize("encoding", ["identity", "", "gzip", "zstd"])
def test_a_body_is_inflated(encoding: str) -> None:
    sent = PACK[encoding](TEXT)
    assert inflate(sent, encoding, LIMIT) == TEXT


def test_several_members_and_frames_are_one_body() -> None:
    assert inflate(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", LIMIT) == b"ab"
    assert inflate(zstandard.compress(b"a") + zstandard.compress(b"b"), "zstd", LIMIT) == b"ab"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_refused_before_it_is_inflated(encoding: str) -> None:
    with pytest.raises(ProblemError, match="more than 100000 bytes"):
        inflate(PACK[encoding](bytes(50_000_000)), encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_that_fills_the_limit_exactly_is_taken(encoding: str) -> None:
    assert len(inflate(PACK[encoding](bytes(LIMIT)), encoding, LIMIT)) == LIMIT


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_damaged_body_is_a_bad_request(encoding: str) -> None:
    whole = PACK[encoding](TEXT)
    for sent in (whole[: len(whole) // 2], b"no such thing"):
        with pytest.raises(ProblemError, match="Content-Encoding"):
            inflate(sent, encoding, LIMIT)


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(ProblemError, match="'br'"):
        inflate(b"x", "br", LIMIT)


@pytest.mark.parametrize(
    ("body", "field", "complaint"),
    [
        (b"{", "$", "not JSON"),
        (b"\xff\xfe", "$", "not JSON"),
        (b'{"x":' + b"[" * 100_000, "$", "nested too deeply"),
        (b'{"generation": 1}', "$.generation", "Expected `str`"),
        (b"[]", "$", "Expected `object`"),
    ],
)
def test_a_bad_body_is_refused_with_the_field(body: bytes, field: str, complaint: str) -> None:
    with pytest.raises(ProblemError, match=complaint) as caught:
        decode(body, msgspec.json.Decoder(Heartbeat))
    assert caught.value.field == field


def test_a_message_of_msgspec_is_taken_apart() -> None:
    assert split_message("Expected `int` - at `$.a[0]`") == ("Expected `int`", "$.a[0]")
    assert split_message("Expected `int`") == ("Expected `int`", "$")
