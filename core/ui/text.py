"""Text for the screen: untrusted words made harmless, and figures as people read them.

Transcripts, titles, questions and model output are hostile until shown otherwise. Streamlit's Markdown knows HTML,
links, images, LaTeX, emoji shortcodes, icons and colour directives; ``escape_markdown`` leaves none of them alive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from core.phrases import UNKNOWN as UNKNOWN  # noqa: PLC0414  the pages take it from here
from core.phrases import count as count  # noqa: PLC0414  likewise
from core.phrases import money as money  # noqa: PLC0414  likewise
from core.phrases import one_line
from core.phrases import span_of_time as span_of_time  # noqa: PLC0414  likewise

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_WORD_JOINER = "\u2060"
# These are found in the finished text, after backslashes are gone, so that only an invisible character between stops
# them: shortcodes and icons (":tada:", ":material/bolt:"), addresses ("https://", "www."), e-mail ("a@b.c"). Times
# ("12:05") are left alone.
_LATE = re.compile(r"((?<!\d):(?=\d)|:(?=[^\W\d]|[+\-/])|www(?=\.)|@(?=[\w\-]))", re.IGNORECASE)


def escape_markdown(text: str) -> str:
    r"""The text as one line that Streamlit's Markdown shows literally.

    >>> escape_markdown("**bold** <b>")
    '\\*\\*bold\\*\\* \\<b\\>'
    """
    return _PUNCTUATION.sub(r"\\\1", _LATE.sub(rf"\1{_WORD_JOINER}", one_line(text)))


def escape_paragraphs(text: str) -> str:
    """Like ``escape_markdown``, but lines stay lines: each becomes a paragraph of its own."""
    return "\n\n".join(escape_markdown(line) for line in text.splitlines() if line.strip())


def mark(text: str, spans: Iterable[tuple[int, int]], style: str = ":green-background[{}]") -> str:
    """Escaped Markdown of the text in which the spans (begin, end; in order, apart) stand out."""
    pieces, cursor = [], 0
    for begin, end in spans:
        pieces += [_edge(text[cursor:begin]), style.format(escape_markdown(text[begin:end]))]
        cursor = end
    return "".join([*pieces, _edge(text[cursor:])]).strip()


def _edge(text: str) -> str:
    """Escapes a piece and keeps one space at either end, where it had any."""
    if not text.strip():
        return " " if text else ""
    return f"{' ' * text[0].isspace()}{escape_markdown(text)}{' ' * text[-1].isspace()}"


def link(label: str, url: str | None) -> str:
    """Markdown of a link to an https address of ours; without one, the label alone. ``label`` is Markdown already."""
    if url is None or not url.startswith("https://"):
        return label
    return f"[{label}]({quote(url, safe=':/?&=%')})"


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` characters, cut at a word."""
    text = one_line(text)
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    cut = head.rfind(" ")
    return f"{head[: cut if cut > limit // 2 else limit - 1].rstrip(' ,;:.')}…"


def duration_ms(value: float | None) -> str:
    """``unknown``, ``0.4 ms``, ``128 ms``, ``2.31 s``."""
    if value is None:
        return UNKNOWN
    if value < 10:  # noqa: PLR2004  tenths matter only here
        return f"{value:.1f} ms"
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.2f} s"  # noqa: PLR2004


def number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def compact(value: int) -> str:
    """Large numbers in three digits: ``9,999``, ``12.3k``, ``231M``."""
    if value < 10_000:  # noqa: PLR2004  four digits are as short
        return f"{value:,}"
    scales = ((1e9, "B"), (1e6, "M"), (1e3, "k"))
    size, letter = next(scale for scale in scales if value >= 0.9995 * scale[0])  # so that none rounds to "1000k"
    return f"{value / size:.{0 if value >= 99.95 * size else 1}f}{letter}"


def moment(when: datetime | None) -> str:
    """A UTC time to the minute."""
    return UNKNOWN if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
