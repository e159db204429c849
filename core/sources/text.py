"""Bytes -> clean text. Pure."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import BinaryIO

_BLOCK_BYTES = 1 << 20
_ZEROS_OF_UTF16 = 0.3
"""Share of zero bytes in one half of a text from which on it is UTF-16 without a mark."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]+"
)
"""Soft hyphen, zero-width space, direction marks, byte-order marks, tag characters, lone surrogates: nobody sees them,
and a word that holds one is not found."""
_STRAY_JOINERS = re.compile("(?<![^\x00-\u02ff\\s])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\u02ff\\s])")
"""Joiners that join nothing: Persian, Hindi and emoji have them between two characters that are not Latin."""


def clean_text(text: str) -> str:
    r"""One line without invisible characters, composed (NFC); letters and marks of every script stay.

    >>> clean_text("vec\u200btor\x00 \n index\u200d")
    'vector index'
    """
    if not (text.isascii() and text.isprintable()):
        text = _CONTROLS.sub(lambda run: "" if set(run[0]) == {"\x00"} else " ", text)
        text = unicodedata.normalize("NFC", _STRAY_JOINERS.sub("", _INVISIBLE.sub("", text)))
    return " ".join(text.split())


def shown(text: str, limit: int = 80) -> str:
    """Untrusted text as part of a message: one clean line of at most ``limit`` characters."""
    line = clean_text(text[: limit * 10])
    return line if len(line) <= limit else line[: limit - 1] + "…"


def encoding_of(file: BinaryIO) -> str:
    """The encoding of a whole file, which is read through and rewound.

    By its byte-order mark, else UTF-8 where all of it is valid, else UTF-16 by its zero bytes, else Windows-1252,
    or Latin-1 where it has bytes that Windows-1252 lacks.
    """
    try:
        head = file.read(_BLOCK_BYTES)
        for mark, name in _BOMS:
            if head.startswith(mark):
                return name
        file.seek(0)
        if _decodes(file, "utf-8"):
            return _utf16_by_zeros(head) or "utf-8"
        file.seek(0)
        return _utf16_by_zeros(head) or ("cp1252" if _decodes(file, "cp1252") else "latin-1")
    finally:
        file.seek(0)


def _utf16_by_zeros(head: bytes) -> str | None:
    even, odd = head[0::2].count(0), head[1::2].count(0)
    enough = len(head) / 2 * _ZEROS_OF_UTF16
    if odd > enough and not even:
        return "utf-16-le"
    return "utf-16-be" if even > enough and not odd else None


def _decodes(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while block := file.read(_BLOCK_BYTES):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
