"""What a sentence states that must not differ from its source: numbers with units, negation, names. Pure.

Every check is one-sided: it finds contradictions it can name and stays silent about the rest.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from core.numbers import Number, numbers_in
from core.stop_words import STOP_WORDS, word_set
from core.words import base_language, stems, words

_NEGATIONS = {
    "en": word_set("not no never none nothing nobody nowhere neither nor cannot without hardly barely t isnt dont"),
    "de": word_set("nicht kein keine keinen keinem keiner keines nie niemals ohne weder nichts niemand"),
    "es": word_set("no nunca jamás sin ni tampoco nada nadie ningún ninguna"),
    "fr": word_set("ne n pas jamais sans aucun aucune ni rien personne"),
    "it": word_set("non mai senza né nessun nessuna nulla niente"),
    "pt": word_set("não nunca jamais sem nem nada ninguém nenhum nenhuma"),
    "nl": word_set("niet geen nooit zonder noch niets niemand"),
}
_NEGATIVE_WORDS = word_set(
    "avoid avoids avoided avoiding lack lacks lacked lacking fail fails failed failing refuse refuses refused deny "
    "denies denied stop stops stopped stopping prevent prevents prevented unlike wrong false impossible unable "
    "unlikely rarely missing absent myth zero unnecessary useless isn aren wasn weren don doesn didn wouldn couldn"
)
"""A clause of the source with one of these may mean the same as a "not" in the claim."""
_SCOPE = 3
"""A negation reaches about so many content words."""
_CLAUSE = re.compile(r"[.!?;:,，。；]|\b(?:but|whereas|however|and|because|so)\b")
_NEAR_VERBATIM = 0.6
_CLEARLY = 2


def missing_numbers(claim: str, evidence: str, *, language: str, evidence_language: str) -> list[Number]:
    """The claim's numbers that the evidence does not have, or has only with another unit.

    >>> said = "ten million people, back in 1997"
    >>> [n.text for n in missing_numbers("10 million in 1998", said, language="en", evidence_language="en")]
    ['1998']
    """
    stated = [number for number in numbers_in(claim, language) if number.firm]
    if not stated:
        return []
    known = numbers_in(evidence, evidence_language)
    return [number for number in stated if not any(number.agrees(other) for other in known)]


@dataclass(slots=True)
class Polarity:
    """The content stems of a text by what is said of them; one stem can be in several sets."""

    affirmed: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    """Within reach of a negation."""
    clouded: set[str] = field(default_factory=set)
    """In a clause that has any word of negation or its like."""


def polarity(text: str, language: str) -> Polarity:
    found = Polarity()
    for clause in _CLAUSE.split(text.casefold()):
        _add_clause(clause, base_language(language), found)
    return found


def _add_clause(clause: str, code: str, found: Polarity) -> None:
    cues, stop = _NEGATIONS.get(code, frozenset()), STOP_WORDS.get(code, frozenset())
    clause_words = words(clause)
    if not _NEGATIVE_WORDS.union(cues).isdisjoint(clause_words):
        found.clouded.update(stems(clause, code))
    reach = 0
    for word, stem in zip(clause_words, stems(clause, code), strict=True):
        if word in cues:
            reach = _SCOPE
        elif word not in stop:
            (found.denied if reach else found.affirmed).add(stem)
            reach = max(0, reach - 1)


def denies(claim: str, evidence: str, *, language: str) -> bool:
    """Whether one of the two denies what the other says with the same words.

    >>> denies("Shaking does not dilute a drink", "Shaking a drink will dilute it a lot", language="en")
    True
    """
    ours, theirs = polarity(claim, language), polarity(evidence, language)
    if (ours.denied & theirs.affirmed) and not (ours.denied & theirs.clouded):
        return True
    said = ours.affirmed - ours.clouded
    against = (said & theirs.denied) - theirs.affirmed
    near_verbatim = len(said & (theirs.affirmed | theirs.denied)) >= _NEAR_VERBATIM * len(said)
    return len(against) >= (1 if near_verbatim else _CLEARLY)


_NAME = re.compile(r"[^\W\d_][\w’'.&-]*")
_FUZZY = 0.8
_SHORTEST_FUZZY = 5


def names_in(sentence: str, language: str) -> list[str]:
    """Words that are written like names: capital letters inside the sentence, and capitals inside a word anywhere.

    Empty for German, whose nouns are all written so, and for scripts without capitals.
    """
    code = base_language(language)
    if code == "de":
        return []
    tokens = [match[0].rstrip(".’'-").removesuffix("'s").removesuffix("’s") for match in _NAME.finditer(sentence)]
    stop = STOP_WORDS.get(code, frozenset()) | STOP_WORDS["en"]
    return [token for at, token in enumerate(tokens) if _is_name(tokens, at) and token.casefold() not in stop]


def _is_name(tokens: Sequence[str], at: int) -> bool:
    token = tokens[at]
    if any(char.isupper() for char in token[1:]):
        return True
    if not token[:1].isupper() or len(token) == 1:
        return False
    return at > 0


def missing_names(sentence: str, known: Collection[str], language: str) -> list[str]:
    """The sentence's names that none of the ``known`` words (folded, as ``words`` gives them) is or resembles."""
    return [name for name in names_in(sentence, language) if not all(_is_known(part, known) for part in words(name))]


def _is_known(part: str, known: Collection[str]) -> bool:
    if part in known or f"{part}s" in known or part.removesuffix("s") in known or len(part) == 1:
        return True
    if len(part) < _SHORTEST_FUZZY:
        return False
    alike = (word for word in known if word[:1] == part[:1] and abs(len(word) - len(part)) <= 2)  # noqa: PLR2004
    return any(SequenceMatcher(None, part, word).ratio() >= _FUZZY for word in alike)


def coverage(
    claim_stems: Collection[str], evidence_stems: Collection[str], weight: dict[str, float], rare: float
) -> float:
    """Share of the claim's stems, weighted, that the evidence has; 0 to 1. ``rare`` weighs stems without a weight."""
    total = sum(weight.get(stem, rare) for stem in claim_stems)
    shared = sum(weight.get(stem, rare) for stem in claim_stems if stem in evidence_stems)
    return shared / total if total else 0.0
