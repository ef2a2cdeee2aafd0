"""Messages as bytes."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from agent.wire import COMPRESS_ABOVE, encode
from protocol.messages import Snapshot
from tests.unit.agent.model_collector import inflate


def snapshot(entries: int) -> Snapshot:
    return Snapshot(
        generation="1-0000000000000000",
        seq=1,
        kinds={},
        entries=[msgspec.Raw(b'{"kind":"bind","root":"/var/lib/docker","key":"/srv"}')] * entries,
        state_hash="0" * 64,
        clock=1.0,
    )


@pytest.mark.parametrize("entries", [1, 1000])
def test_a_body_inflates_to_the_message(entries: int) -> None:
    body = encode(snapshot(entries))
    assert inflate(body) == msgspec.json.encode(snapshot(entries))
    assert bool(body.encoding) is (len(inflate(body)) > COMPRESS_ABOVE)


def test_the_same_message_gives_the_same_bytes() -> None:
    assert encode(snapshot(1000)) == encode(snapshot(1000))


def test_messages_are_encoded_in_several_threads_at_once() -> None:
    message = snapshot(20_000)  # long enough that compressing one overlaps with the others
    expected = encode(message)
    with ThreadPoolExecutor(4) as threads:
        assert all(body == expected for body in threads.map(encode, [message] * 100))
