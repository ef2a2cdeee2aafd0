"""Giving memory back: a full look needs many times what is kept of it."""

import ctypes
import functools
from collections.abc import Callable


def give_back() -> None:
    """Return free memory of the C library's heap to the kernel, where that library can (glibc)."""
    _trim()(0)


@functools.cache
def _trim() -> Callable[[int], int]:
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # musl has no malloc_trim
        return lambda _pad: 0
    trim.argtypes, trim.restype = (ctypes.c_size_t,), ctypes.c_int
    return trim
