"""P1 to P8 and P10 with the agent's code against the collector's rules, all in memory (P9 needs a disk)."""

from hypothesis.stateful import run_state_machine_as_test

from tests.figures import Figure
from tests.register.memory import MemoryRegister
from tests.register.world import World, machine_settings


class WorldInMemory(World):
    make = MemoryRegister
    exact = True


def test_the_invariants_hold_in_memory(figure: Figure) -> None:
    run_state_machine_as_test(WorldInMemory, settings=machine_settings(200, 30))
    found = f"{WorldInMemory.begun:,} examples, 0 failures"
    figure("R1", "P1–P8, P10 as a state machine in memory", found, "200 examples; 0 failures")
