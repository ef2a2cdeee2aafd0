"""Databases that containerd and BuildKit themselves wrote, found in ``data``: the reader knows more than our writer.

``snapshotter-26.1.db`` is the ``metadata.db`` of the overlayfs snapshotter of Engine 26.1 after some runs, a commit and
a build; ``buildkit-snapshots-20.10.db`` is the ``snapshots.db`` of Engine 20.10 after a build of three steps.
"""

import gzip
from pathlib import Path

from agent.backends import containerd_db
from agent.backends.base import DataRoot
from agent.backends.bbolt import Bolt, Bucket
from agent.backends.buildkit import claims
from agent.backends.containerd_db import ACTIVE, COMMITTED, VIEW, uvarint

DATA = Path(__file__).with_name("data")


def real(name: str) -> bytes:
    return gzip.decompress((DATA / f"{name}.gz").read_bytes())


def elements(bucket: Bucket) -> int:
    """Count what is in a bucket and in all below it."""
    return len(list(bucket.keys())) + sum(elements(inner) for _, inner in bucket.buckets())


def test_the_records_of_a_snapshotter_agree_with_each_other() -> None:
    bolt = Bolt(real("snapshotter-26.1.db"))
    found = containerd_db.numbers(bolt)
    assert elements(bolt.root) == 189
    assert len(found.records) == 24
    assert found.last == 26
    assert not found.doubled
    assert {kind for _, kind, _ in found.records.values()} == {VIEW, ACTIVE, COMMITTED}
    numbers = {name: raw for name, (raw, _, _) in found.records.items()}
    assert sorted(uvarint(raw) or 0 for raw in numbers.values()) == [*range(1, 8), *range(9, 21), *range(22, 27)]
    stands = {numbers[parent] + b"\0" + raw: name for name, (raw, _, parent) in found.records.items() if parent}
    assert stands == found.links


def test_quick_and_slow_way_through_a_bucket_agree() -> None:
    bucket = Bolt(real("snapshotter-26.1.db")).bucket(b"v1", b"snapshots")
    assert bucket is not None
    wanted = (b"id", b"kind", b"parent", b"inodes", b"none")
    slow = {name: tuple(one.get(key) or b"" for key in wanted) for name, one in bucket.buckets()}
    assert bucket.records(*wanted) == slow


def test_the_directories_of_the_build_cache_are_claimed(tmp_path: Path) -> None:
    home = tmp_path / "buildkit"
    home.mkdir()
    (home / "snapshots.db").write_bytes(real("buildkit-snapshots-20.10.db"))
    found = claims(DataRoot(str(tmp_path), "/var/lib/docker"))
    assert found is not None
    # The directories that were in overlay2 and not in layerdb, and the names of records that point to them.
    assert found >= {
        "5tzye33xjs2ce9t92u77q2yw6",
        "dbinqs3j0852exp8xs7dfijfg",
        "ezptndikdobbx7ivd1dx68kcv",
        "oyoguxu6esny16kab3c998hyp",
        "pui88kh3txau805jsl7pcwb4v",
        "uacygyh6a78vzpg6y0185mhso",
    }
    assert not any(name.startswith("sha256:") for name in found)
