"""Words, stems and language of any text in any script. Pure; ``core.sentences`` offers these names too."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from threading import Lock
from typing import Protocol

import snowballstemmer

from core.stop_words import STOP_WORDS

Span = tuple[int, int]
"""Character offsets [begin, end) into the text that was given."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Scripts without spaces between words (Thai to Khmer, kana, Han), and Hangul: indexed by character bigrams."""
_MARKS = "".join(
    char
    for char in map(chr, range(0x300, 0x1A00))
    if unicodedata.category(char)[0] == "M" and not "\u0e00" <= char < "\u0f00"
)
_BIGRAM = 2
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
_NUMBER = r"\d+(?:[.,]\d+)+"
_ASCII_WORD = re.compile(rf"{_NUMBER}|[A-Za-z0-9]+")
_WORD = re.compile(rf"{_NUMBER}|[{_UNSPACED}]+|[^\W_{_UNSPACED}](?:[^\W_{_UNSPACED}]|[{_MARKS}{_INVISIBLE}])*")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_DROP_INVISIBLE = {ord(char): None for char in _INVISIBLE}
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def word_spans(text: str) -> list[Span]:
    """Where the words stand; in scripts without spaces, overlapping character bigrams."""
    if text.isascii():
        return [match.span() for match in _ASCII_WORD.finditer(text)]
    spans: list[Span] = []
    for match in _WORD.finditer(text):
        begin, end = match.span()
        if end - begin > _BIGRAM and _IS_UNSPACED.match(match[0]):
            spans.extend((at, at + _BIGRAM) for at in range(begin, end - 1))
        else:
            spans.append((begin, end))
    return spans


def words(text: str) -> list[str]:
    """The words in lower case (Unicode case folding, NFKC), numbers without thousands commas.

    >>> words("Don't pay $1,000 for 3.5 Äpfel!")
    ['don', 't', 'pay', '1000', 'for', '3.5', 'äpfel']
    """
    if text.isascii():
        found: Iterable[str] = _ASCII_WORD.findall(text.lower())
    else:
        found = (text[begin:end] for begin, end in word_spans(text))
    return [_normal(word) for word in found]


def _normal(word: str) -> str:
    if word.isascii():
        return (_THOUSANDS.sub("", word) if "," in word else word).lower()
    return unicodedata.normalize("NFKC", word.translate(_DROP_INVISIBLE)).casefold()


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 (snowball's name)


_SNOWBALL = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "nb": "norwegian",
    "ne": "nepali", "nl": "dutch", "nn": "norwegian", "no": "norwegian", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
_CACHE_LIMIT = 300_000


class _Stems(dict[str, str]):
    """Word -> stem of one language, filled as words are met; a snowball stemmer is slow and keeps state: one lock."""

    def __init__(self, language: str) -> None:
        super().__init__()
        name = _SNOWBALL.get(language)
        self._stemmer: _Stemmer | None = snowballstemmer.stemmer(name) if name else None
        self._lock = Lock()

    def __missing__(self, word: str) -> str:
        with self._lock:
            stem = self._stemmer.stemWord(word) if self._stemmer else word
            if len(self) >= _CACHE_LIMIT:
                self.clear()
            self[word] = stem = _without_accents(stem)
        return stem


_tables: dict[str, _Stems] = {}
_tables_lock = Lock()


def _table(language: str) -> _Stems:
    code = base_language(language)
    table = _tables.get(code)
    if table is None:
        with _tables_lock:
            table = _tables.setdefault(code, _Stems(code))
    return table


def _without_accents(word: str) -> str:
    """People leave accents out when they type; marks of other scripts are vowels and stay."""
    if word.isascii():
        return word
    plain = "".join(char for char in unicodedata.normalize("NFD", word) if not "\u0300" <= char <= "\u036f")
    return unicodedata.normalize("NFC", plain)


def base_language(language: str) -> str:
    """``en`` of ``en-US`` or ``EN_us``."""
    return re.split(r"[-_]", language.strip().casefold(), maxsplit=1)[0]


def stems(text: str, language: str) -> list[str]:
    """The stem of each word in order (Snowball, https://snowballstem.org), without accents.

    ``language`` is a code such as ``en`` or ``pt-BR``; an unknown one, or "", leaves words as they are.
    """
    table = _table(language)
    return [table[word] for word in words(text)]


def content_terms(text: str, language: str) -> list[tuple[str, str]]:
    """Stem and word of each word that is no stop word of the language; of all words where nothing else is left."""
    table, found = _table(language), words(text)
    stop = STOP_WORDS.get(base_language(language), frozenset())
    return [(table[word], word) for word in found if word not in stop] or [(table[word], word) for word in found]


def content_stems(text: str, language: str) -> list[str]:
    """Stems without those of the language's stop words; all of them where nothing else would be left."""
    return [stem for stem, _ in content_terms(text, language)]


def highlight(text: str, query: str, language: str) -> list[Span]:
    """Spans of the text's words that share a stem with the query's content words; neighbours in CJK are joined.

    >>> highlight("Running shoes, a run", "How do I run?", "en")
    [(0, 7), (17, 20)]
    """
    table, wanted = _table(language), set(content_stems(query, language))
    found: list[Span] = []
    for begin, end in word_spans(text):
        if table[_normal(text[begin:end])] not in wanted:
            continue
        if found and begin < found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


# -------------------------------------------------------------------------------------------------------- language

_SCRIPTS: tuple[tuple[str, str], ...] = (
    ("ja", "\u3040-\u30ff"), ("ko", "\uac00-\ud7af"), ("zh", "\u3400-\u4dbf\u4e00-\u9fff"), ("th", "\u0e00-\u0e7f"),
    ("he", "\u0590-\u05ff"), ("fa", "پچژگ"), ("ar", "\u0600-\u06ff"), ("hi", "\u0900-\u097f"), ("ta", "\u0b80-\u0bff"),
    ("el", "\u0370-\u03ff"), ("hy", "\u0530-\u058f"), ("uk", "іїєґ"), ("ru", "\u0400-\u04ff"),
)  # fmt: skip
_SCRIPT_PATTERNS = tuple((code, re.compile(f"[{chars}]", re.IGNORECASE)) for code, chars in _SCRIPTS)
_LETTER_HINTS = {"es": "ñ¿¡", "de": "ßäöü", "fr": "çœèêëîùû", "pt": "ãõ", "it": "ìò"}
_LATIN = ("en", "es", "de", "fr", "it", "pt", "nl")


def guess_language(text: str) -> str:
    """Language code by script and stop words, or "" where the text is too short to tell.

    >>> [guess_language(t) for t in ("Why is it blue?", "¿Por qué es azul?", "天空为什么是蓝色的", "GPT-4")]
    ['en', 'es', 'zh', '']
    """
    letters = sum(char.isalpha() for char in text)
    for code, pattern in _SCRIPT_PATTERNS:
        if len(pattern.findall(text)) * (4 if code in ("ja", "fa", "uk") else 2) > letters > 0:
            return code
    return _guess_latin(text)


def _guess_latin(text: str) -> str:
    counts = Counter(words(text))
    folded = text.casefold()
    scores = {code: float(sum(n for word, n in counts.items() if word in STOP_WORDS[code])) for code in _LATIN}
    for code, hints in _LETTER_HINTS.items():
        scores[code] += sum(0.7 for char in hints if char in folded)
    ranked = sorted(scores.items(), key=lambda item: item[1], reverse=True)
    (best, top), (_, second) = ranked[0], ranked[1]
    return best if top > second and top > 0 else ""
