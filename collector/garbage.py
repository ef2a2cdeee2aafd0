"""How Python looks for garbage in a collector: seldom, and not at what stays.

Thousands of requests wait at a time for the commit that answers them, tens of objects each, and none of them is
garbage: those end with their last reference. What is left for the search are the cycles of errors and of connections
that were closed. As Python does it by itself, after every 700 new objects and each time a little further into all that
there is, the search costs almost as much CPU time as the heartbeats that it interrupts.
"""

import gc
from typing import Final

_THRESHOLDS: Final = (20_000, 10, 10)
"""After so many new objects the newest are searched; after so many such searches those that outlived one, and so on.
20,000 objects of a request are a few MB."""


def settle() -> None:
    """Leave out of the search what is there now, which is what a collector is made of, and search seldom.

    It is for the whole process: for its main program, when the start is over.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
