"""Small pieces of wording that pages, answers and the command line share. Pure."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence

UNKNOWN = "unknown"
"""How a value is shown that nobody measured."""

_LEAST_CENTS = 2
_WHITESPACE = re.compile(r"\s+")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def one_line(text: str) -> str:
    """One line without control characters and without marks that reverse the reading direction of what follows."""
    kept = (c for c in text if c.isspace() or (c not in _BIDI and unicodedata.category(c) not in ("Cc", "Cs", "Co")))
    return _WHITESPACE.sub(" ", "".join(kept)).strip()


def clock(seconds: float) -> str:
    """A place in a video.

    >>> clock(65), clock(3723)
    ('01:05', '1:02:03')
    """
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def listed(items: Sequence[str]) -> str:
    """``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 video``, ``1,204 videos``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def span_of_time(seconds: float) -> str:
    """A length of time in words: ``45 s``, ``12 min``, ``3.4 h``."""
    if seconds < 90:  # noqa: PLR2004  below one and a half minutes, seconds say more
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:,.1f} h"  # noqa: PLR2004  likewise


def money(value: float | None) -> str:
    """US dollars with cents, below one dollar with three digits that count; ``unknown`` where the price is.

    >>> money(1234.5), money(0.0000123), money(-0.25)
    ('$1,234.50', '$0.0000123', '-$0.25')
    """
    if value is None:
        return UNKNOWN
    amount, sign = abs(value), "-" if value < 0 else ""
    if amount >= 1 or amount == 0:
        return f"{sign}${amount:,.2f}"
    digits = f"{amount:.{2 - math.floor(math.log10(amount))}f}".rstrip("0")
    return f"{sign}${digits.ljust(digits.index('.') + 1 + _LEAST_CENTS, '0')}"
