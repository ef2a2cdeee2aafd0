"""What the tests with real engines share: the lab, and one Swarm in it with Mountbook's own stack."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.swarm import images, shop
from tests.swarm.journal import Journal
from tests.swarm.lab import Lab, missing
from tests.swarm.swarm import Swarm


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """An open lab. Where none can be, its tests are skipped with the reason (in CI, failed)."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with Lab() as opened:
        yield opened


@pytest.fixture(scope="session")
def swarm(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """Four engines of four kinds, three of them managers; ``stack.yml`` as it is, and a shop on every node.

    One for all: every test leaves four nodes that are observed, the last one of all excepted.
    """
    archive, postgres = images.archive(lab), images.postgres(lab)
    swarm = Swarm(lab)
    engines = [lab.engine(backend, disk=True) for backend in ("overlay2", "vfs", "btrfs")]
    engines.append(lab.engine("overlayfs", release="trixie", disk=True))
    loads = [(engines[0], postgres), *((engine, archive) for engine in engines)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda load: load[0].docker("load", "--quiet", "--input", str(load[1])), loads))
    for engine in engines:
        swarm.add(engine, manager=engine is not engines[-1])
    swarm.make_secrets()
    home = swarm.node_id(swarm.leader)
    # No collector beside the register: each of the two is on one of the three nodes that tests take away.
    labels = ("--label-add", "mountbook.postgres=true", "--label-add", "mountbook.collector=false")
    swarm.leader.docker("node", "update", *labels, home)
    swarm.deploy()
    shop.deploy(swarm, tmp_path_factory.mktemp("shop"))
    shop.all_is_well(swarm)
    yield swarm
    swarm.close()


@pytest.fixture(scope="session")
def journal(swarm: Swarm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    """What the engines of the Swarm say, from the first test on that asks for it."""
    journal = Journal(swarm.nodes, tmp_path_factory.mktemp("journal"))
    yield journal
    journal.close()
