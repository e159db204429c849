"""Made-up traffic for the measurement of drift: topics with words of their own, answers about the question's topic."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

TOPICS = 12
"""Of them, the last is the one that is new after a shift."""
_TOPIC_WORDS, _COMMON_WORDS = 120, 400
_QUESTION, _ANSWER = (5, 4), (20, 25)
"""Words of the topic and common words, at most: each is left out now and then, so that lengths differ."""
_LEFT_OUT = 0.2
_SYLLABLES = ["ba", "co", "di", "fe", "gu", "ka", "lo", "mi", "nu", "pe", "ra", "so", "ti", "vu", "xa", "zo"]
_WORDS = ["".join(parts) for parts in product(_SYLLABLES, repeat=3)]

Rng = np.random.Generator


def traffic(n: int, rng: Rng, *, shifted: float = 0.0) -> pd.DataFrame:
    """Twelve columns, two of them texts. ``shifted``: the share of the questions that are about the new topic."""
    topics = rng.integers(0, TOPICS - 1, n)
    topics[rng.random(n) < shifted] = TOPICS - 1
    questions, answers = _texts(topics, _QUESTION, rng), _texts(topics, _ANSWER, rng)
    tokens = rng.lognormal(6, 0.3, n).round()
    return pd.DataFrame(
        {
            "question": questions,
            "answer": answers,
            "question_chars": [float(len(text)) for text in questions],
            "answer_chars": [float(len(text)) for text in answers],
            "latency_ms": rng.lognormal(7, 0.4, n),
            "ttft_ms": rng.lognormal(5.5, 0.4, n),
            "prompt_tokens": tokens,
            "cost_usd": tokens * 2e-6,
            "top_score": rng.beta(8, 3, n),
            "status": rng.choice(["answered", "refused", "failed"], n, p=[0.88, 0.1, 0.02]),
            "feedback": rng.choice(["none", "up", "down"], n, p=[0.8, 0.14, 0.06]),
            "model": rng.choice(["large", "small"], n, p=[0.3, 0.7]),
        }
    )


def _texts(topics: np.ndarray, lengths: tuple[int, int], rng: Rng) -> list[str]:
    own, common = lengths
    at = _zipf(_TOPIC_WORDS, (len(topics), own), rng) + _COMMON_WORDS + topics[:, None] * _TOPIC_WORDS
    chosen = np.concatenate([at, _zipf(_COMMON_WORDS, (len(topics), common), rng)], axis=1)
    kept = rng.random(chosen.shape) >= _LEFT_OUT
    kept[:, 0] = True  # no text is empty
    return [_sentence(row[some]) for row, some in zip(chosen, kept, strict=True)]


def _zipf(words: int, shape: tuple[int, int], rng: Rng) -> np.ndarray:
    share = 1 / np.arange(1, words + 1)
    return np.asarray(rng.choice(words, shape, p=share / share.sum()))


def _sentence(row: Sequence[int]) -> str:
    return " ".join(_WORDS[at] for at in row)
