"""Text -> caption lines with times, as if it had been spoken. Pure: the same text gives the same lines and times."""

from __future__ import annotations

import re
from itertools import accumulate, pairwise
from math import inf

from core.models import Segment

SHORTEST_LINE, IDEAL_LINE, LONGEST_LINE = 6, 8, 14
"""Words of a caption line. Eight words fill the usual 42 to 50 characters of a subtitle."""

WORD_MS = 360
SENTENCE_PAUSE_MS = 450
PARAGRAPH_PAUSE_MS = 500
"""On top of the pause of its last sentence. All together this is about 150 words a minute."""

_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)]*$")
_CLAUSE_END = re.compile(r"[,;:][\"'”’»)]*$")


def spoken(text: str) -> tuple[Segment, ...]:
    """The caption lines of a text whose paragraphs are set apart by empty lines.

    Raises ValueError for a paragraph of fewer than ``SHORTEST_LINE`` words.

    >>> [line.text for line in spoken("First we look at the map. Then we walk to the house.")]
    ['First we look at the map.', 'Then we walk to the house.']
    """
    segments: list[Segment] = []
    at_ms = 0
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        for line in caption_lines(paragraph.split()):
            spoken_ms = _spoken_ms(line)
            segments.append(Segment(" ".join(line), at_ms / 1000, spoken_ms / 1000))
            at_ms += spoken_ms + _pause_ms(line[-1])
        at_ms += PARAGRAPH_PAUSE_MS
    return tuple(segments)


def caption_lines(words: list[str]) -> list[list[str]]:
    """The words in lines of allowed length that end at sentences and clauses where they can.

    Least total cost over all ways to break the lines, as a typesetter does it (Knuth and Plass 1981).
    """
    if len(words) < SHORTEST_LINE:
        raise ValueError(f"a paragraph of {len(words)} words is shorter than a caption line: {' '.join(words)!r}")
    ugly = _Ugliness(words)
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(words) + 1):
        begins = range(max(0, end - LONGEST_LINE), max(0, end - SHORTEST_LINE + 1))
        best.append(min(((best[b][0] + ugly.of_line(b, end), b) for b in begins), default=(inf, 0)))
    breaks = [len(words)]
    while breaks[-1] > 0:
        breaks.append(best[breaks[-1]][1])
    breaks.reverse()
    return [words[begin:end] for begin, end in pairwise(breaks)]


class _Ugliness:
    """How bad a line is: too long, too short, ending inside a clause, running on over the end of a sentence."""

    def __init__(self, words: list[str]) -> None:
        ends = [_SENTENCE_END.search(word) is not None for word in words]
        self._sentences_before = [0, *accumulate(ends)]
        self._ending = [
            0 if end else 3 if _CLAUSE_END.search(word) else 8 for word, end in zip(words, ends, strict=True)
        ]

    def of_line(self, begin: int, end: int) -> float:
        run_on = self._sentences_before[end - 1] - self._sentences_before[begin]
        return 0.5 * (end - begin - IDEAL_LINE) ** 2 + self._ending[end - 1] + 6 * run_on


def _spoken_ms(line: list[str]) -> int:
    return WORD_MS * len(line) + sum(_pause_ms(word) for word in line[:-1])


def _pause_ms(word: str) -> int:
    return SENTENCE_PAUSE_MS if _SENTENCE_END.search(word) else 0
