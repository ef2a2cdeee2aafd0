"""How to look into containers: one command for each that a reference names."""

from collections.abc import Mapping

from collector.lookup.mounting import TARGET, UnmountableError, by_name, mount_command, stands_on_init
from collector.lookup.refs import Ref
from collector.lookup.scope import Scope
from collector.lookup.where import where
from collector.store.keys import hash_token, token
from collector.store.read import chains
from protocol.answers import ContainerRow
from protocol.entries import Layer
from protocol.sizes import MountCommand, MountCommands


async def mount_commands(scope: Scope, ref: Ref, limit: int, cursor: str) -> MountCommands:
    """Return the commands for the containers that the reference names.

    Raises:
        ProblemError: as ``where``.
    """
    found = await where(scope, ref, limit, cursor)
    stores: dict[chains.Store, Mapping[str, Layer]] = {}
    commands = []
    for row in found.containers:
        store = chains.Store(row.cluster, row.node, row.root, row.backend)
        if store not in stores:
            stores[store] = await _layers(scope, store)
        commands.append(_command(row, stores[store]))
    return MountCommands(
        ref=found.ref,
        matched=found.matched,
        exact=found.exact,
        commands=commands,
        coverage=found.coverage,
        next=found.next,
    )


async def _layers(scope: Scope, store: chains.Store) -> dict[str, Layer]:
    """Return every layer of one backend on one node, by its names."""
    layers = await chains.layers(scope.conn, scope.versions, store)
    missing = stands_on_init(by_name(layers, ()))
    if not missing:
        return by_name(layers, ())
    tokens = sorted(hash_token(token("init-id", number)) for number in missing)
    return by_name(layers, await chains.containers(scope.conn, scope.versions, store, tokens))


def _command(row: ContainerRow, layers: Mapping[str, Layer]) -> MountCommand:
    text, shown, remarks, reason = None, [], [], ""
    try:
        command = mount_command(row, layers)
        text, shown, remarks = command.text, list(command.layers), list(command.remarks)
    except UnmountableError as exc:
        reason = str(exc)
    return MountCommand(
        cluster=row.cluster,
        node=row.node,
        hostname=row.hostname,
        container_id=row.container_id,
        name=row.name,
        backend=row.backend,
        target=TARGET,
        command=text,
        layers=shown,
        reason=reason,
        remarks=remarks,
    )
