"""The node's token: where it comes from, and who else could read it."""

import os
import stat

from agent.config import Config
from agent.errors import ConfigError

_LONGEST = 4096


def read_token(config: Config) -> str:
    """Return this node's token.

    Raises:
        ConfigError: its file cannot be read, or holds no token.
    """
    if config.token:
        return config.token
    try:
        with open(config.token_file, encoding="ascii") as file:
            token = file.read(_LONGEST).strip()
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is not ASCII text"
        raise ConfigError((f"the token file {config.token_file} cannot be read: {why}",)) from exc
    if not token or not token.isprintable():
        raise ConfigError((f"the token file {config.token_file} holds no token; write it there again",))
    return token


def exposure(config: Config) -> str:
    """Return a warning when others than its owner can read the token file, else ``""``."""
    if config.token or not config.token_file:
        return ""
    try:
        mode = stat.S_IMODE(os.stat(config.token_file).st_mode)
    except OSError:
        return ""  # read_token says so
    if mode & 0o077 == 0:
        return ""
    return f"{config.token_file} can be read by others (mode {mode:04o}); run: chmod 0600 {config.token_file}"
