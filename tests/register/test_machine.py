"""P1 to P8 and P10 with the agent's code against the collector's, and a real PostgreSQL (P9: the fault suite)."""

from hypothesis.stateful import run_state_machine_as_test

from migrations.run import upgrade
from tests.figures import Figure
from tests.register.postgres import PostgresRegister, Shared
from tests.register.world import World, machine_settings


def test_the_invariants_hold_in_postgresql(empty_database_url: str, figure: Figure) -> None:
    upgrade(empty_database_url)
    shared = Shared(empty_database_url)

    class Here(PostgresRegister):
        pass

    Here.shared = shared

    class WorldInPostgres(World):
        make = Here
        exact = False

    try:
        run_state_machine_as_test(WorldInPostgres, settings=machine_settings(200, 6))
    finally:
        shared.close()
    found = f"{WorldInPostgres.begun:,} examples, 0 failures"
    figure("R1", "P1–P8, P10 as a state machine on PostgreSQL", found, "200 examples; 0 failures")
