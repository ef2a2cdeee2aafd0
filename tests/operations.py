"""The lines of docs/operations.md that tests run as they stand there."""

import re
from pathlib import Path
from typing import Final

_DOCUMENT: Final = (Path(__file__).resolve().parents[1] / "docs/operations.md").read_text()


def block(heading: str) -> str:
    """Return the first block of code below a heading of the third order."""
    found = re.search(rf"^### {re.escape(heading)}\n.*?^```\n(.*?)^```", _DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found is not None, f"there is no {heading!r} in docs/operations.md"
    return found[1]
