"""Evidence, from a collector that serves to a checked archive."""

import io
import tarfile
from typing import Any

import msgspec

from collector.config import Config
from collector.ledger.evidence import check
from collector.ledger.signing import SigningKey
from collector.store.engine import Database
from protocol.memory import Version, WindowCoverage
from tests.integration.collector.cluster import BASE, IMAGE, TOP, Cluster, container, image_entries
from tests.integration.collector.serving import collector

KEY = SigningKey(b"e" * 32)
WEB = container(1, "web", created_at="2026-01-31T12:00:00Z")


async def test_an_archive_holds_all_that_is_known_of_a_moment(database: Database, database_url: str) -> None:
    cluster = Cluster(database)
    await cluster.node("n1", [WEB, *image_entries()])
    config = Config(database_url=database_url, signing_key="65" * 32)
    async with collector(config) as session:
        async with session.get("/api/v1/evidence", params={"ref": "web", "at": "5m"}) as response:
            assert response.status == 200, await response.text()
            archive = await response.read()
        async with session.get("/api/v1/evidence", params={"ref": "nope"}) as response:
            assert response.status == 404
        async with session.get("/api/v1/evidence", params={"ref": "web", "since": "5m", "until": "1h"}) as response:
            assert (response.status, (await response.json())["field"]) == (400, "since")
    manifest = check(archive, KEY.public).manifest
    assert (manifest.ref, manifest.complete) == ("web", True)
    files = _unpacked(archive)
    (below,) = msgspec.json.decode(files["layers.json"])
    assert [layer["key"] for layer in below["layers"]] == [TOP, BASE]
    assert [image["key"] for image in below["images"]] == [IMAGE]
    assert below["missing"] is None
    assert msgspec.json.decode(files["placement.json"])["containers"][0]["diff_path"] == WEB.diff_path
    assert "mount -t overlay" in msgspec.json.decode(files["mount-command.json"])["commands"][0]["command"]
    (version,) = msgspec.json.decode(files["history.json"], type=list[Version])
    assert (version.key, version.ended) == (WEB.key, None)
    coverage = msgspec.json.decode(files["coverage.json"], type=WindowCoverage)
    assert (coverage.until, [row.node for row in coverage.nodes]) == (manifest.at, ["n1"])


async def test_a_collector_without_a_key_says_so(database_url: str) -> None:
    async with (
        collector(Config(database_url=database_url)) as session,
        session.get("/api/v1/evidence", params={"ref": "web"}) as response,
    ):
        problem: dict[str, Any] = await response.json()
    assert (response.status, "MOUNTBOOK_SIGNING_KEY_FILE" in problem["detail"]) == (422, True)


def _unpacked(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {one.name: file.read() for one in tar if (file := tar.extractfile(one)) is not None}
