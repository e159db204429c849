"""How a model server stands by the calls so far: when no further call would do better, the experiment ends."""

from __future__ import annotations

import threading
from collections import Counter

from core.errors import ModelError, ModelRefused, ModelUnreachable
from core.lab.halts import Halt, Rejected, Unanswered

MOST_UNREACHED = 10
"""Calls in a row that came to nothing; a server that is down would fail every other cell too."""


class Standing:
    """What became of the calls of each model. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered: set[str] = set()
        self._unreached: Counter[str] = Counter()

    def answered(self, model: str) -> None:
        with self._lock:
            self._answered.add(model)
            self._unreached[model] = 0

    def failed(self, model: str, error: ModelError) -> Halt | None:
        """Why the experiment ends with this; None: it is the fault of one call.

        A refusal of a model that has answered already concerns what was asked, unless it is the key's.
        """
        with self._lock:
            if isinstance(error, ModelUnreachable):
                self._unreached[model] += 1
                return _unreached(error) if self._unreached[model] >= MOST_UNREACHED else None
            if isinstance(error, ModelRefused) and error.rejects == "key":
                return Rejected(f"{error} What is done is kept; resume afterwards.")
            if isinstance(error, ModelRefused) and error.rejects == "model" and model not in self._answered:
                return Rejected(f"{error.message}. Name another model, or check OPENAI_BASE_URL. What is done is kept.")
        return None


def _unreached(error: ModelError) -> Halt:
    return Unanswered(f"{error.message}, {MOST_UNREACHED} calls in a row. What is done is kept; resume later.")
