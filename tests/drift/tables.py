"""Tables with and without drift."""

from __future__ import annotations

import random

import pandas as pd

WORDS = (
    *("vector", "index", "search", "embedding", "prompt", "token", "model"),
    *("cost", "drift", "chunk", "passage", "video", "answer"),
)
NEW_WORDS = ("kubernetes", "deployment", "yaml", "ingress", "cluster", "pod")


def table(n: int, seed: int, *, new: float = 0.0, slower: float = 0.0) -> pd.DataFrame:
    """``new``: share of the questions about something else; ``slower``: milliseconds."""
    chance = random.Random(seed)
    is_new = [chance.random() < new for _ in range(n)]
    return pd.DataFrame(
        {
            "trace_id": [f"{seed}-{row}" for row in range(n)],
            "question": [" ".join(chance.sample(NEW_WORDS if hit else WORDS, 4)) for hit in is_new],
            "latency_ms": [chance.gauss(900 + slower, 100) for _ in range(n)],
            "model": [chance.choice(["small", "large"]) for _ in range(n)],
            "status": ["refused" if hit or chance.random() < 0.1 else "answered" for hit in is_new],
            "feedback": [chance.choice(["up", "down", "none"]) for _ in range(n)],
            "cost_usd": [chance.lognormvariate(-6, 1) for _ in range(n)],
        }
    )
