"""Which token goes with which collector: from a file, the environment, or ``login``.

``login`` keeps tokens in ``$XDG_CONFIG_HOME/mountbook/credentials.json`` (0600), a JSON object from URL to token:
a token is sent only to the collector that it was stored for.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from mountbook.errors import UserError
from protocol.text import is_token

VARIABLE: Final = "MOUNTBOOK_TOKEN"
MAX_TOKEN: Final = 1024
"""Most characters of a token."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and in words where it came from."""

    text: str = field(repr=False)
    source: str


def find(url: str, token_file: str | None, environ: Mapping[str, str]) -> Token | None:
    """Return the token for the collector at ``url``: from the file named, ``MOUNTBOOK_TOKEN``, or ``login``.

    Raises:
        UserError: the file cannot be read, or what was found is no token.
    """
    if token_file is not None:
        return from_file(token_file)
    if given := environ.get(VARIABLE, ""):
        return Token(check(given, VARIABLE), VARIABLE)
    path = store_path(environ)
    if stored := _load(path).get(url):
        return Token(check(stored, path), f"`mountbook login` ({path})")
    return None


def from_file(path: str) -> Token:
    """Return the token that a file holds.

    Raises:
        UserError: the file cannot be read, or holds no token.
    """
    return Token(check(_read(path), path), f"the file {path}")


def check(text: str, source: str) -> str:
    """Return the token without the white space around it.

    Raises:
        UserError: it is empty, too long, or has characters that no header can carry.
    """
    token = text.strip()
    if not token:
        raise UserError(f"The token from {source} is empty.")
    if len(token) > MAX_TOKEN or not is_token(token):
        raise UserError(f"What {source} holds is not a token: a token is one word of ASCII letters, digits and signs.")
    return token


def store_path(environ: Mapping[str, str]) -> str:
    """Return where ``login`` keeps tokens."""
    # The XDG Base Directory Specification ignores a relative path.
    base = environ.get("XDG_CONFIG_HOME", "")
    config = base if base.startswith("/") else os.path.expanduser("~/.config")
    return os.path.join(config, "mountbook", "credentials.json")


def save(path: str, url: str, token: str) -> None:
    """Store the token of the collector at ``url``.

    Raises:
        UserError: the file cannot be read or written.
    """
    _write(path, _load(path) | {url: token})


def forget(path: str, url: str) -> bool:
    """Take out the token of the collector at ``url``; says whether there was one.

    Raises:
        UserError: the file cannot be read or written.
    """
    tokens = _load(path)
    if url not in tokens:
        return False
    del tokens[url]
    _write(path, tokens)
    return True


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(MAX_TOKEN + 64)
    except UnicodeDecodeError as exc:
        raise UserError(f"The token file {path} does not hold text.") from exc
    except OSError as exc:
        raise UserError(f"The token file {path} cannot be read: {exc.strerror}.") from exc


def _load(path: str) -> dict[str, str]:
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise UserError(f"The tokens of `mountbook login` cannot be read: {path}: {exc.strerror}.") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise UserError(
            f"{path} is not a file that `mountbook login` wrote ({exc}). Delete it and log in again."
        ) from exc


def _write(path: str, tokens: dict[str, str]) -> None:
    import tempfile

    directory = os.path.dirname(path)
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        # mkstemp makes the file 0600; the rename replaces the old one whole or not at all.
        descriptor, name = tempfile.mkstemp(dir=directory, prefix=".credentials-")
        try:
            with open(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(tokens, order="sorted"), indent=2) + b"\n")
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as exc:
        raise UserError(f"The token cannot be stored: {path}: {exc.strerror}.") from exc
