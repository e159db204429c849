"""Makes texts that others wrote harmless where they are shown or opened: transcripts can make a model write it."""

from __future__ import annotations

import re
import unicodedata

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SCRIPT = re.compile(r"<(script|style|iframe|object|svg|template)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,2000}>|<[A-Za-z/!][\w-]*\s[^<>]{0,2000}\Z")
_LINK_TARGET = r"\(\s*+<?[^()\s]*(?:\([^()\s]*\)[^()\s]*)*>?(?:\s++[\"'(][^\n]{0,200}?[\"')])?\s*+\)"
_IMAGE = re.compile(rf"!\[([^\]\n]{{0,500}})\](?:{_LINK_TARGET}|\[[^\]\n]{{0,200}}\])?")
_LINK = re.compile(rf"\[([^\[\]\n]{{0,500}})\]{_LINK_TARGET}")
_REFERENCE = re.compile(r"\[([^\[\]\n]{0,500})\]\[([^\[\]\n]{0,200})\]")
_DEFINITION = re.compile(r"^ {0,3}\[[^\]\n]{1,200}\]:[ \t]*\S+.*$", re.MULTILINE)
_ADDRESS = re.compile(
    r"<?\b(?:javascript|vbscript|data|mailto|tel):[^\s<>]+>?|<?[a-z][a-z0-9+.-]{0,30}://[^\s<>]*>?|www\.[^\s<>]*",
    re.IGNORECASE,
)
_OPEN_LINK = re.compile(r"\]\(")
_OPEN_IMAGE = re.compile(r"!+(?=\[)")
"""What is left of a broken image or link must not become a whole one with the text that follows."""
_IS_CITATION = re.compile(r"\s*\^?\d[\d\s,;–-]*\s*")
_SPACES = re.compile(r"[ \t]{2,}")
_BLANK_LINES = re.compile(r"\n{3,}")
_MOST_ROUNDS = 5
"""What is hidden inside what was removed is removed too."""
_KEPT_CONTROLS = "\n\t"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def plain(text: str) -> str:
    """The text without HTML, images, links (their words stay), addresses, control and bidirectional characters.

    Citation marks such as ``[1]`` or ``[1][2]`` stay. Safe to call on a text that is still being written.

    >>> plain('See ![x](http://evil/?q=1) [the talk](https://evil) [1] <b>now</b>')
    'See the talk [1] now'
    """
    text = _without_controls(text)
    for _ in range(_MOST_ROUNDS):
        before, text = text, _once(text)
        if text == before:
            break
    return text


def spreadsheet_cell(text: str) -> str:
    """The text for a cell of a CSV file: what a spreadsheet would run as a formula gets an apostrophe in front.

    >>> spreadsheet_cell("=HYPERLINK(1)"), spreadsheet_cell("2 = 2")
    ("'=HYPERLINK(1)", '2 = 2')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def _once(text: str) -> str:
    for pattern in (_COMMENT, _SCRIPT, _TAG, _DEFINITION, _IMAGE):
        text = pattern.sub("", text)
    for _ in range(_MOST_ROUNDS):  # a link's words may hold a link
        text, found = _LINK.subn(r"\1", text)
        if not found:
            break
    text = _REFERENCE.sub(_unless_citations, text)
    text = _ADDRESS.sub("", text)
    text = _OPEN_IMAGE.sub("", _OPEN_LINK.sub("] (", text))
    return _BLANK_LINES.sub("\n\n", _SPACES.sub(" ", text)).strip()


def _unless_citations(match: re.Match[str]) -> str:
    both = _IS_CITATION.fullmatch(match[1]) and _IS_CITATION.fullmatch(match[2])
    return match[0] if both else match[1]


def _without_controls(text: str) -> str:
    """Without control and format characters; joiners stay, Hindi and Persian are written with them."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isprintable():
        return text
    return "".join(char for char in text if char in _KEPT_CONTROLS or char in "\u200c\u200d" or not _is_control(char))


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn")
