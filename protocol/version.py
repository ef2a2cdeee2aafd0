"""The numbers that two releases compare before they talk."""

from typing import Final

RELEASE: Final = "0.2.0"
"""The release of this distribution (``major.minor.patch``)."""

PROTOCOL: Final = 1
"""Version of the messages. Raised only when an old side could misread a new message."""

HASH_VERSIONS: Final[tuple[int, ...]] = (1,)
"""Frozen field lists this release can compute (``statehash.FIELDS``), best last."""
