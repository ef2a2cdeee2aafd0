r"""Text that both JSON and PostgreSQL can hold, made from whatever Linux allows in a name.

A file name on Linux is any bytes but NUL and ``/``; JSON and PostgreSQL want Unicode
without NUL or lone surrogates. Bytes that are not UTF-8 are shown as ``\xNN``, the form that
``ls --escape`` and Python's ``backslashreplace`` use. A backslash stays as it is, because doubling
it would spoil every copied systemd path; so a name that spells out ``\xff`` and one that
holds that byte look alike, and both are answered.
"""

import os
import re
from typing import Final

_UNHOLDABLE: Final = re.compile("[\x00\ud800-\udfff]")


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    # os.fsdecode keeps an undecodable byte 0xNN as the lone surrogate U+DCNN.
    return f"\\x{code & 0xFF:02x}" if code == 0 or 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def is_clean(text: str) -> bool:
    """Whether both can hold the text as it is; False also for text that would have to be looked through."""
    return text.isascii() and "\x00" not in text


def is_token(text: str) -> bool:
    """Whether it is one word of ASCII letters, digits and signs: what a header can carry, and the command sends."""
    return text.isascii() and text.isprintable() and bool(text) and " " not in text


def clean(text: str) -> str:
    r"""Return ``text`` with NUL and lone surrogates written out as escapes.

    >>> clean("caf\udce9")
    'caf\\xe9'
    """
    return text if text.isascii() and "\x00" not in text else _UNHOLDABLE.sub(_escape, text)


def from_path(path: str | bytes | os.PathLike[str]) -> str:
    r"""Return the text form of a path as the operating system gave it.

    >>> from_path(b"/srv/caf\xe9")
    '/srv/caf\\xe9'
    """
    return clean(os.fsdecode(path))
