"""The printed mount command, run on real engines: it shows what the container itself would see."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from collector.lookup.mounting import TARGET, Command, by_name, mount_command
from protocol.answers import ContainerRow
from protocol.entries import Container, Layer
from tests.swarm.engines import GRAPH_DRIVERS, IMAGE, SNAPSHOTTERS, Engine, GraphDriver, Snapshotter
from tests.swarm.lab import Lab
from tests.swarm.test_inventory import look

pytestmark = pytest.mark.lab

MANY = 120
"""Layers of the tall image: with 127 the engines themselves give up."""


@pytest.fixture(scope="module", params=(*GRAPH_DRIVERS, *SNAPSHOTTERS))
def engine(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Engine]:
    backend: GraphDriver | Snapshotter = request.param
    running = lab.engine(backend, release="trixie" if backend in SNAPSHOTTERS else None)
    yield running
    lab.retire(running)


def command_for(engine: Engine, container_id: str) -> Command:
    """Return the command from what the agent says of the container and of the layers."""
    entries = look(engine).entries.values()
    containers = [one for one in entries if isinstance(one, Container)]
    (found,) = (one for one in containers if one.key == container_id)
    fields = {name: getattr(found, name) for name in found.__struct_fields__ if name != "key"}
    row = msgspec.convert({**fields, "container_id": found.key}, ContainerRow, from_attributes=True)
    layers = by_name((one for one in entries if isinstance(one, Layer) and one.backend == found.backend), containers)
    return mount_command(row, layers)


def shown(engine: Engine, command: Command, *paths: str) -> list[str | None]:
    """Mount as the command says, return the files' contents (None: there is no such file), and unmount."""
    engine.host.run("mkdir", "-p", TARGET)
    engine.host.run("sh", "-c", command.text)
    try:
        written = engine.host.run("sh", "-c", f"echo x >{TARGET}/srv/mine", check=False)
        assert written.returncode != 0, "it is mounted to be written to"
        found = [engine.host.run("cat", f"{TARGET}{path}", check=False) for path in paths]
        return [one.stdout.strip() if one.returncode == 0 else None for one in found]
    finally:
        engine.host.run("umount", TARGET)


def put(engine: Engine, container_id: str, path: str, text: str) -> None:
    file = engine.host.folder / "put"
    file.write_text(text)
    engine.docker("cp", str(file), f"{container_id}:{path}")


def test_a_stopped_containers_files_are_read_through_the_printed_mount(engine: Engine) -> None:
    base = engine.docker("create", IMAGE, "true")
    for name in ("kept", "replaced", "removed"):
        put(engine, base, f"/srv/{name}", "image")
    engine.docker("commit", base, "shop:1")
    stopped = engine.docker("run", "-d", "shop:1", "sh", "-c", "echo own >/srv/replaced; exec sleep 1000")
    engine.docker("exec", stopped, "sh", "-c", "echo own >/srv/own; /bin/busybox rm /srv/removed")
    engine.docker("kill", stopped)
    command = command_for(engine, stopped)
    assert shown(engine, command, "/srv/own", "/srv/replaced", "/srv/kept", "/srv/removed") == [
        "own",
        "own",
        "image",
        None,
    ]


def test_a_container_on_many_layers_is_mounted_with_all_of_them(engine: Engine, tmp_path: Path) -> None:
    archive = tmp_path / "tall.tar"
    tall_image(archive)
    with archive.open("rb") as file:
        engine.docker("load", stdin=file.fileno())
    container_id = engine.docker("create", "tall:1", "none")
    put(engine, container_id, "/srv/own", "own")
    command = command_for(engine, container_id)
    files = ("/srv/own", "/srv/newest", f"/srv/layer{MANY}", "/srv/layer2", "/srv/layer1")
    assert shown(engine, command, *files) == ["own", str(MANY), str(MANY), "2", None]


def tall_image(archive: Path) -> None:
    """Write an image of many layers: each adds a file and writes another anew, the last removes the first one's."""
    layers = []
    for number in range(1, MANY + 1):
        files = {f"srv/layer{number}": str(number), "srv/newest": str(number)}
        if number == MANY:
            files["srv/.wh.layer1"] = ""
        layers.append(packed(files))
    diff_ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    ).encode()
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": ["tall:1"], "Layers": names}]
    contents = {
        "config.json": config,
        "manifest.json": json.dumps(manifest).encode(),
        **dict(zip(names, layers, strict=True)),
    }
    archive.write_bytes(tar(contents))


def packed(files: dict[str, str]) -> bytes:
    return tar({name: text.encode() for name, text in files.items()}, directory="srv")


def tar(contents: dict[str, bytes], directory: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as file:
        if directory:
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            file.addfile(entry)
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            file.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
