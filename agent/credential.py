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
    return read_secret(config.token_file, "token")


def read_secret(path: str, what: str) -> str:
    """Return the secret that a file holds; ``what`` it is stands in the message.

    Raises:
        ConfigError: the file cannot be read, or holds none.
    """
    try:
        with open(path, encoding="ascii") as file:
            secret = file.read(_LONGEST).strip()
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is not ASCII text"
        raise ConfigError((f"the {what} file {path} cannot be read: {why}",)) from exc
    if not secret or not secret.isprintable():
        raise ConfigError((f"the {what} file {path} holds no {what}; write it there again",))
    return secret


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
