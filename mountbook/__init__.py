"""The operator's command."""

from typing import Final

DEFAULT_URL: Final = "http://127.0.0.1:8480"
"""Where a collector is unless told otherwise: where ``up`` puts it."""
