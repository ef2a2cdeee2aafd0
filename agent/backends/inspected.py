"""What ``docker inspect`` says of a container's layers, for an agent that may not read the data root.

Source: moby ``daemon/graphdriver/*`` ``GetMetadata``: overlay2 and fuse-overlayfs give full paths, zfs the dataset, vfs
nothing but its directory, btrfs and (since Engine 24) nothing at all; the containerd image store gives null.
"""

from agent.backends.base import DataRoot, Resolution
from agent.listing import InspectedDriver
from protocol.entries import PathKind, Place, ResolvedBy, Role
from protocol.text import clean


def from_inspect(driver: InspectedDriver, root: DataRoot, why: str) -> Resolution:
    """Return where the engine says that the files lie; ``why`` is what keeps the data root from being read."""
    data = driver.data or {}
    name = clean(driver.name)
    if upper := clean(data.get("UpperDir", "")):
        return _overlay(name, upper, data)
    if dataset := clean(data.get("Dataset", "")):
        return Resolution(
            name,
            mount_id=dataset.rpartition("/")[2],
            diff_path=dataset,
            path_kind=PathKind.DATASET,
            resolved_by=ResolvedBy.INSPECT,
            paths=(Place(dataset, Role.WRITABLE),),
        )
    if directory := clean(data.get("SourceDir", "") or data.get("Dir", "")):
        return Resolution(
            name,
            mount_id=directory.rpartition("/")[2],
            diff_path=directory,
            path_kind=PathKind.FULL_VIEW,
            resolved_by=ResolvedBy.INSPECT,
            paths=(Place(directory, Role.WRITABLE, (".",)),),
        )
    reason = f"the engine's inspect names no directory for {name or 'its backend'}"
    return Resolution(name, reason=f"{reason}, and {root.host}: {why}" if why else reason)


def _overlay(name: str, upper: str, data: dict[str, str]) -> Resolution:
    layer, _, diff = upper.rpartition("/")
    paths = [Place(layer, Role.WRITABLE, (diff, "merged"))]
    # The first lower directory is the init layer's, <id>-init/diff.
    init = clean(data.get("LowerDir", "")).partition(":")[0].rpartition("/")[0]
    init_id = init.rpartition("/")[2] if init.endswith("-init") else None
    if init_id is not None:
        paths.append(Place(init, Role.INIT, (diff, "merged")))
    return Resolution(
        name,
        mount_id=layer.rpartition("/")[2],
        init_id=init_id,
        diff_path=upper,
        path_kind=PathKind.DIFF,
        resolved_by=ResolvedBy.INSPECT,
        paths=tuple(paths),
    )
