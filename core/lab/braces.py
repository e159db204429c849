"""Braces in a template that look like a variable and are none. Pure.

JSON, code and ``{2}`` may stand in a template as they are; ``{ question }``, ``{user name}``, ``{question`` are slips.
"""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"\{\{[^\W\d]\w*\}\}")
_VARIABLE = re.compile(r"\{[^\W\d]\w*\}")
_SLIP = re.compile(
    r"\{[ \t]*[^\W\d][\w .\-!]{0,60}\}"  # closed, and no identifier
    r"|\{[^\W\d]\w{0,60}(?=[ \t]*\Z)"  # never closed on its line
    r"|(?<![\w{])[^\W\d]\w{0,60}\}(?!\})"  # closed, never opened
)
_MOST = 20


def stray_braces(text: str) -> list[tuple[int, str]]:
    r"""(line from 1, the slip) for each brace, up to twenty, that looks like a variable's and belongs to none.

    >>> stray_braces('Hello {name}, { name }\nand {"score": 1}')
    [(1, '{ name }')]
    """
    blank = _VARIABLE.sub(_spaces, _ESCAPED.sub(_spaces, text))
    found: list[tuple[int, str]] = []
    for number, line in enumerate(blank.split("\n"), 1):
        for match in _SLIP.finditer(line):
            if match[0].startswith("{") or "{" not in line[: match.start()]:
                found.append((number, match[0]))
            if len(found) == _MOST:
                return found
    return found


def _spaces(match: re.Match[str]) -> str:
    """As long as what it replaces, and no part of a slip."""
    return "\x00" * len(match[0])
