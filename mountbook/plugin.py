"""``docker mountbook …``: the same command as a plugin of docker's.

Installed as ``docker-mountbook`` in a directory of plugins (``~/.docker/cli-plugins``). Docker asks every plugin for
its metadata, then calls it with the plugin's name as the first word.
Format: https://github.com/docker/cli/blob/master/cli-plugins/metadata/metadata.go.
"""

import json
import sys
from typing import Final

from protocol.version import RELEASE

METADATA: Final = {
    "SchemaVersion": "0.1.0",
    "Vendor": "Mountbook",
    "Version": RELEASE,
    "ShortDescription": "Where containers keep their files, and whose a directory is",
}


def main() -> None:
    """Answer docker's question, or run the command that was typed behind the plugin's name; and exit."""
    words = sys.argv[1:]
    if words[:1] == ["docker-cli-plugin-metadata"]:
        sys.stdout.write(f"{json.dumps(METADATA)}\n")
        sys.exit(0)
    if words[:1] == ["mountbook"]:
        del sys.argv[1]
    from mountbook.__main__ import main as run

    run()


if __name__ == "__main__":
    main()
