"""Entries as the rows of answers, for a data root that no collector knows."""

from collections.abc import Iterable

from protocol import entries
from protocol.answers import ContainerRow, ImageRow, LayerRow, Scan
from protocol.entries import Container, Entry, Image, Layer, LayerUse


def scan(root: str, found: Iterable[Entry], problems: Iterable[str]) -> Scan:
    """Return what was found below ``root``: containers by name, everything else by key.

    An orphan is no layer of its own list; what is only half removed or too young to tell stays with the layers.
    """
    containers: list[ContainerRow] = []
    layers: list[LayerRow] = []
    orphans: list[LayerRow] = []
    images: list[ImageRow] = []
    for entry in found:
        match entry:
            case Container():
                containers.append(_container(entry))
            case Layer():
                (orphans if entry.use is LayerUse.ORPHAN else layers).append(_layer(entry))
            case Image():
                images.append(_image(entry))
            case _:
                continue  # volumes and binds stand in the containers' mounts
    return Scan(
        root=root,
        containers=sorted(containers, key=lambda row: (row.name, row.container_id)),
        layers=sorted(layers, key=lambda row: row.key),
        images=sorted(images, key=lambda row: row.image_id),
        orphans=sorted(orphans, key=lambda row: row.key),
        problems=list(problems),
    )


def _container(entry: Container) -> ContainerRow:
    return ContainerRow(
        container_id=entry.key,
        root=entry.root,
        name=entry.name,
        backend=entry.backend,
        mount_id=entry.mount_id,
        init_id=entry.init_id,
        diff_path=entry.diff_path,
        path_kind=entry.path_kind,
        parent_chain_id=entry.parent_chain_id,
        resolved_by=entry.resolved_by,
        reason=entry.reason,
        image=entry.image,
        image_id=entry.image_id,
        state=entry.state,
        exit_code=entry.exit_code,
        oom_killed=entry.oom_killed,
        created_at=entry.created_at,
        started_at=entry.started_at,
        finished_at=entry.finished_at,
        labels=entry.labels,
        mounts=list(entry.mounts),
        paths=list(entry.paths),
        ghost=entry.ghost,
        outer=entry.outer,
        service=entries.first_label(entry.labels, entries.SERVICE_LABELS),
        task=entry.labels.get(entries.LABEL_TASK, ""),
        stack=entries.first_label(entry.labels, entries.STACK_LABELS),
    )


def _layer(entry: Layer) -> LayerRow:
    return LayerRow(
        root=entry.root,
        key=entry.key,
        backend=entry.backend,
        use=entry.use,
        cache_id=entry.cache_id,
        diff_id=entry.diff_id,
        parent=entry.parent,
        diff_path=entry.diff_path,
        path_kind=entry.path_kind,
        evidence=entry.evidence,
        reason=entry.reason,
        paths=list(entry.paths),
    )


def _image(entry: Image) -> ImageRow:
    return ImageRow(
        root=entry.root,
        image_id=entry.key,
        tags=list(entry.tags),
        digests=list(entry.digests),
        layers=list(entry.layers),
        platform=entry.platform,
        created_at=entry.created_at,
        backend=entry.backend,
        reason=entry.reason,
    )
