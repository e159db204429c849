"""A stand-in for a model that answers from its prompt: it quotes the passages that share words with the question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from core.stop_words import word_set

_PASSAGE = re.compile(r'<passage n="(\d+)" title="([^"]*)"[^>]*>\n(.*?)\n</passage>', re.DOTALL)
_QUESTION = re.compile(r"<question>\n(.*?)\n</question>", re.DOTALL)
_SENTENCE = re.compile(r"[^.!?]+[.!?]?")
_COMMON = word_set(
    "a about am an and are as at be because but by can could do does did for from has have how i if in into is it its "
    "me my no not of on or our so than that the their them then there these they this those to us was we were what "
    "when where which who why will with would you your "
    "el la los las de que y en un una es por qué cómo der die das und ist ein eine wie was warum"
)
_MOST_SENTENCES = 3


def grounded_answer(messages: Sequence[Mapping[str, str]]) -> str:
    """The best sentences of the passages with their numbers, or NO_ANSWER; a prompt without passages: its question."""
    prompt = messages[-1]["content"]
    asked = _QUESTION.search(prompt)
    question = asked.group(1) if asked else prompt.strip().splitlines()[-1]
    if "<passages>" not in prompt:
        return question
    wanted = _words(question)
    ranked = sorted(
        (
            (-len(wanted & _words(sentence)), int(n), order, " ".join(sentence.split()).rstrip(".!?"))
            for n, _, text in _PASSAGE.findall(prompt)
            for order, sentence in enumerate(_SENTENCE.findall(text))
        )
    )
    best = [(n, sentence) for overlap, n, _, sentence in ranked[:_MOST_SENTENCES] if -overlap >= _needed(wanted)]
    if not best:
        return f"NO_ANSWER: {question}"
    titles = dict.fromkeys(title for _, title, _ in _PASSAGE.findall(prompt))
    follow_ups = "\n".join(f"- What does “{title}” say about this?" for title in list(titles)[:3])
    return " ".join(f"{sentence} [{n}]." for n, sentence in best) + f"\n\nFOLLOW_UPS:\n{follow_ups}"


def pieces_of(text: str) -> list[str]:
    """The text cut as a model writes it: a word or a part of one at a time, white space in front."""
    return re.findall(r"\s*\S{1,6}|\s+", text)


def _needed(wanted: frozenset[str]) -> int:
    return max(1, min(2, len(wanted)))


def _words(text: str) -> frozenset[str]:
    return frozenset(word[:6] for word in re.findall(r"\w+", text.lower()) if word not in _COMMON)
