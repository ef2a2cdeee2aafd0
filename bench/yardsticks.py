"""What our speed is compared with: small programs, each as fast as its way allows."""

import os
from collections.abc import Sequence
from pathlib import Path

from docker_explorer import explorer, utils

_MOST = 1 << 16
"""Bytes of the largest file that is read: a container's record has some thousand."""


def read_files(paths: Sequence[str]) -> None:
    """Open, read and close every file (S1)."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.read(descriptor, _MOST)
        os.close(descriptor)


def list_all_containers(data_root: Path) -> str:
    """Return what docker-explorer's ``list all_containers`` prints, made in this process (S3)."""
    reader = explorer.Explorer()
    reader.SetDockerDirectory(str(data_root))
    reader.DetectDockerStorageVersion()
    return str(utils.PrettyPrintJSON(reader.GetContainersJson()))
