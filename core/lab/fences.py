"""Markdown fences around what a model wrote. Pure."""

from __future__ import annotations

import re

_FENCE = re.compile(
    r"^[ \t]{0,3}(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n`]*\n(.*?)(?:^[ \t]{0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)


def without_fence(text: str, languages: tuple[str, ...] = ()) -> str:
    r"""The content of the fenced block, or the text itself where there is none.

    Of several blocks: the longest of those in one of the ``languages``, or of all where none is.

    >>> without_fence("Here you are:\n```python\nx = 1\n```\nEnjoy!", ("python",))
    'x = 1\n'
    """
    blocks = [(match[2].lower(), match[3]) for match in _FENCE.finditer(text.replace("\r\n", "\n"))]
    if not blocks:
        return text
    wanted = [content for language, content in blocks if language in languages]
    return max(wanted or [content for _, content in blocks], key=len)
