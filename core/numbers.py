"""Numbers as people write and say them: "10 million", "ten million", "2.5k", "two thirds", "1.000,5", "30 %". Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isclose

from core.stop_words import word_set
from core.words import base_language

_HAN_DIGITS = {char: float(n) for n, char in enumerate("零一二三四五六七八九")} | {"两": 2.0}
_HAN_SCALES = {"十": 1e1, "百": 1e2, "千": 1e3, "万": 1e4, "亿": 1e8}
_HAN = "".join((*_HAN_DIGITS, *_HAN_SCALES))
_TOKEN = re.compile(rf"\d+(?:[.,\u00a0\u202f]\d+)*|[^\W\d_{_HAN}]+|[{_HAN}]+|[%$€£,;:.!?—–]")


def _count(text: str, start: int = 0) -> dict[str, float]:
    return {word: float(n) for n, word in enumerate(text.split(), start)}


def _tens(text: str) -> dict[str, float]:
    return {word: 10.0 * n for n, word in enumerate(text.split(), 2)}


_UNITS_OF: dict[str, dict[str, float]] = {
    "en": _count(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen"
    )
    | _tens("twenty thirty forty fifty sixty seventy eighty ninety"),
    "de": _count(
        "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn "
        "siebzehn achtzehn neunzehn"
    )
    | _tens("zwanzig dreissig vierzig fünfzig sechzig siebzig achtzig neunzig"),
    "es": _count(
        "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis "
        "diecisiete dieciocho diecinueve"
    )
    | _tens("veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa"),
    "fr": _count("zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize")
    | _tens("vingt trente quarante cinquante soixante"),
    "it": _count("zero uno due tre quattro cinque sei sette otto nove dieci undici dodici")
    | _tens("venti trenta quaranta cinquanta sessanta settanta ottanta novanta"),
    "pt": _count("zero um dois três quatro cinco seis sete oito nove dez onze doze")
    | _tens("vinte trinta quarenta cinquenta sessenta setenta oitenta noventa"),
}
_SCALES: dict[str, float] = {
    **dict.fromkeys(word_set("hundred hundert cien ciento cent cento"), 1e2),
    **dict.fromkeys(word_set("thousand tausend mil mille mila k grand"), 1e3),
    "万": 1e4,
    **dict.fromkeys(word_set("million millions millionen millón millones milione milioni milhão milhões mio"), 1e6),
    "亿": 1e8,
    **dict.fromkeys(word_set("billion billions milliarde milliarden milliard milliards bn"), 1e9),
    **dict.fromkeys(word_set("trillion trillions"), 1e12),
}
_ALSO: dict[str, tuple[float, ...]] = {
    "half": (0.5, 50), "quarter": (0.25, 25, 4), "third": (1 / 3, 3), "thirds": (1 / 3,), "both": (2,), "twice": (2,),
    "double": (2,), "doubled": (2,), "pair": (2,), "couple": (2,), "triple": (3,), "dozen": (12,), "single": (1,),
    "once": (1,), "first": (1,), "second": (2,), "fourth": (4, 0.25), "fifth": (5, 0.2), "sixth": (6,), "tenth": (10,),
    "one": (1,), "a": (1,), "an": (1,), "none": (0,), "beide": (2,), "hälfte": (0.5, 50), "doppelt": (2,),
    "mitad": (0.5, 50), "doble": (2,), "ambos": (2,), "moitié": (0.5, 50), "deux": (2,), "ein": (1,), "eine": (1,),
}  # fmt: skip
"""Words that may stand for a number in a source; a claim is not held to them."""
_UNITS: dict[str, str] = {
    word: name
    for name, forms in {
        "percent": "% percent per cent prozent porcentaje procent pourcent",
        "second": "second seconds sec secs sekunde sekunden segundo segundos seconde secondes",
        "minute": "minute minutes min mins minuten minuto minutos",
        "hour": "hour hours hr hrs stunde stunden hora horas heure heures",
        "day": "day days tag tage tagen día días jour jours",
        "week": "week weeks woche wochen semana semanas semaine semaines",
        "month": "month months monat monate monaten mes meses mois",
        "year": "year years jahr jahre jahren año años an ans",
        "dollar": "$ dollar dollars bucks usd dólares",
        "euro": "€ euro euros eur",
        "pound": "£ pound pounds",
        "kilometre": "km kilometer kilometers kilometre kilometres kilómetros",
        "metre": "meter meters metre metres metros mètres",
        "mile": "mile miles millas meilen",
        "kilogram": "kg kilogram kilograms kilo kilos kilogramm",
        "gram": "gram grams gramm gramos grammes",
    }.items()
    for word in forms.split()
}
_ABOUT = word_set(
    "about around roughly approximately approx nearly almost some circa ca over under least most than up close etwa "
    "rund ungefähr fast unos unas casi alrededor environ presque quasi"
)
_ABOUT_REACH = 3
_ABOUT_SHARE = 0.05
_LATEST_TEEN, _EARLIEST_TEEN, _HUNDRED = 20, 10, 100


@dataclass(frozen=True, slots=True)
class Number:
    """One number: the values that its writing can mean, and its unit where it has a known one."""

    text: str
    values: frozenset[float]
    unit: str = ""
    about: bool = False
    firm: bool = True
    """False for a word that only sometimes is a number ("both", "first", "one")."""

    def agrees(self, other: Number) -> bool:
        """Whether they can be the same quantity; "about 30" agrees with 29."""
        if self.unit and other.unit and self.unit != other.unit:
            return False
        slack = _ABOUT_SHARE if self.about or other.about else 1e-6
        return any(isclose(a, b, rel_tol=slack) for a in self.values for b in other.values)


def numbers_in(text: str, language: str) -> list[Number]:
    """All numbers of the text in order; number words of the language, and of English."""
    tokens = [match[0].casefold() for match in _TOKEN.finditer(text)]
    small = _UNITS_OF["en"] | _UNITS_OF.get(base_language(language), {})
    return list(_numbers(tokens, small))


def _numbers(tokens: Sequence[str], small: dict[str, float]) -> Iterator[Number]:
    at = 0
    while at < len(tokens):
        end, values = _read(tokens, at, small)
        if end > at:
            yield _number(tokens, at, end, values)
        elif tokens[at] in _ALSO:
            yield Number(tokens[at], frozenset(_ALSO[tokens[at]]), firm=False)
        at = max(end, at + 1)


def _number(tokens: Sequence[str], at: int, end: int, values: set[float]) -> Number:
    unit = _UNITS.get(tokens[end], "") if end < len(tokens) else ""
    if at and tokens[at - 1] in _UNITS and not tokens[at - 1].isalpha():
        unit = _UNITS[tokens[at - 1]]
    about = not _ABOUT.isdisjoint(tokens[max(0, at - _ABOUT_REACH) : at])
    # "one" alone is a pronoun more often than a number.
    firm = not (end == at + 1 and values == {1.0} and not tokens[at][0].isdecimal())
    return Number(" ".join(tokens[at:end]), frozenset(values), unit, about, firm)


def _read(tokens: Sequence[str], at: int, small: dict[str, float]) -> tuple[int, set[float]]:
    """Where the number that begins at ``at`` ends, and its values; ``at`` itself where none begins."""
    if tokens[at][0].isdecimal():
        return _scaled(tokens, at + 1, _written(tokens[at]))
    if tokens[at][0] in _HAN:
        return at + 1, {_han_value(tokens[at])}
    if tokens[at] == "a" and at + 1 < len(tokens) and tokens[at + 1] in _SCALES:
        return _scaled(tokens, at + 1, {1.0})
    if tokens[at] not in small:
        return at, set()
    return _spoken(tokens, at, small)


def _written(digits: str) -> set[float]:
    """The values that digits with dots and commas can mean: "1.000" is 1 or 1000."""
    spaced = digits.replace("\u00a0", "").replace("\u202f", "")
    values: set[float] = set()
    for decimal, group in ((".", ","), (",", ".")):
        plain = spaced.replace(group, "").replace(decimal, ".")
        if plain.count(".") <= 1 and _grouped_well(spaced, decimal, group):
            values.add(float(plain))
    return values or {float(part) for part in re.split(r"[.,]", spaced)}


def _grouped_well(digits: str, decimal: str, group: str) -> bool:
    whole = digits.split(decimal, maxsplit=1)[0].split(group)
    return all(len(part) == 3 for part in whole[1:]) and group not in digits.partition(decimal)[2]  # noqa: PLR2004


def _scaled(tokens: Sequence[str], at: int, values: set[float]) -> tuple[int, set[float]]:
    while at < len(tokens) and tokens[at] in _SCALES:
        values = {value * _SCALES[tokens[at]] for value in values}
        at += 1
    return at, values


def _spoken(tokens: Sequence[str], at: int, small: dict[str, float]) -> tuple[int, set[float]]:
    """Reads "two hundred and five thousand", "nineteen eighty-four" and "zero point six nine"."""
    total = group = last = 0.0
    begin = at
    while at < len(tokens):
        word = tokens[at]
        if word in small and (at == begin or _may_follow(last, small[word])):
            last = small[word]
            if _is_century(group) and last >= _EARLIEST_TEEN:
                group *= _HUNDRED
            group += last
        elif word in _SCALES and at > begin:
            group, last = (group or 1) * _SCALES[word], _SCALES[word]
            if last > _HUNDRED:
                total, group = total + group, 0.0
        elif word == "point" and at + 1 < len(tokens) and tokens[at + 1] in small:
            return _decimals(tokens, at + 1, total + group, small)
        elif not _joins(tokens, at, last, small):
            break
        at += 1
    return at, {total + group}


def _may_follow(last: float, value: float) -> bool:
    """Whether a number word goes on with the number after a word worth ``last``: "sixty two", but not "two three"."""
    if last >= _HUNDRED:
        return value < last
    return value < _EARLIEST_TEEN if last > _LATEST_TEEN else _is_century(last) and value != 0


def _is_century(value: float) -> bool:
    return _EARLIEST_TEEN <= value <= _LATEST_TEEN


def _joins(tokens: Sequence[str], at: int, last: float, small: dict[str, float]) -> bool:
    """Whether "and" (after a hundred or more) or Spanish "y" stands inside the number."""
    if at + 1 >= len(tokens) or tokens[at + 1] not in small:
        return False
    return (tokens[at] == "and" and last >= _HUNDRED) or (tokens[at] == "y" and last > _LATEST_TEEN)


def _decimals(tokens: Sequence[str], at: int, whole: float, small: dict[str, float]) -> tuple[int, set[float]]:
    digits = ""
    while at < len(tokens) and tokens[at] in small:
        digits += str(int(small[tokens[at]]))
        at += 1
    return at, {float(f"{int(whole)}.{digits}")}


def _han_value(numerals: str) -> float:
    """The value of Chinese numerals: 二十三 is 23, 两百万 two million."""
    total = section = digit = 0.0
    for char in numerals:
        if char in _HAN_DIGITS:
            digit = _HAN_DIGITS[char]
        elif _HAN_SCALES[char] < _HAN_SCALES["万"]:
            section += (digit or 1) * _HAN_SCALES[char]
            digit = 0.0
        else:
            total, section, digit = (total + section + digit) * _HAN_SCALES[char], 0.0, 0.0
    return total + section + digit
