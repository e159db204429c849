"""A Prompt Lab over a chat model that answers by a function and counts who asked what."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from core.cost.worst import CostOf
from core.errors import NotFound
from core.lab.chats import LabModels
from core.lab.gate import Pace
from core.lab.scorers import Tools
from core.lab.service import Lab
from core.ledger import Ledger, open_ledger
from core.models import TestCase, Usage
from core.ports import ChatStream, Completion, Message
from core.prompts import PromptTemplate
from tests.fakes.models import HashingEmbedder

SERVER = "http://model.example/v1"
SHOWN: list[Any] = []
"""The services of the page that a test draws: Streamlit runs it in a module of its own."""

Answer = Callable[[str, float], str | Exception]
"""Takes the user's text and the temperature."""

USD_PER_TOKEN = 0.001
IMPATIENT = Pace(first_s=0.002, most_s=0.01, patience_s=5.0)


class LabChat:
    """A WholeChatModel. ``answer`` may wait for an event: that is how tests hold calls."""

    def __init__(
        self, answer: Answer, *, name: str = "model-a", usage: Usage | None = None, left_out: tuple[str, ...] = ()
    ) -> None:
        """``left_out``: options that its server rejects."""
        self.left_out = left_out
        self.name = name
        self.answer = answer
        self.usage = usage or Usage(10, 5)
        self.asked: Counter[str] = Counter()
        """User texts that were sent, with how often."""
        self.busiest = 0
        self._active = 0
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        return sum(self.asked.values())

    def check(self) -> None: ...

    def warm_up(self) -> None: ...

    def complete(
        self, messages: Sequence[Message], *, temperature: float = 0.0, max_tokens: int | None = None
    ) -> Completion:
        text = messages[-1]["content"]
        with self._lock:
            self.asked[text] += 1
            self._active += 1
            self.busiest = max(self.busiest, self._active)
        try:
            answer = self.answer(text, temperature)
        finally:
            with self._lock:
                self._active -= 1
        if isinstance(answer, Exception):
            raise answer
        return Completion(answer, self.usage, self.name, "stop", self.left_out)

    def stream(
        self, messages: Sequence[Message], *, temperature: float = 0.0, max_tokens: int | None = None
    ) -> ChatStream:
        raise AssertionError("the lab asks for whole answers where it can")


class FewTemplates:
    """A registry with some templates; every alias is version 1."""

    def __init__(self, *templates: PromptTemplate) -> None:
        self._templates = {(template.name, template.version): template for template in templates}

    def get(self, name: str, ref: int | str = "production") -> PromptTemplate:
        found = self._templates.get((name, ref if isinstance(ref, int) else 1))
        if found is None or ref == "nowhere":
            raise NotFound(f"There is no template {name} {ref}", subject=name)
        return found

    def offered(self) -> list[str]:
        return sorted({name for name, _ in self._templates})


def per_token(_model: str, usage: Usage, _when: datetime) -> float | None:
    """Every model costs the same."""
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    return USD_PER_TOKEN * (usage.prompt_tokens + usage.completion_tokens)


TEMPLATES = FewTemplates(
    PromptTemplate("plain", 1, "", "Answer: {question}"),
    PromptTemplate("plain", 2, "", "Answer well: {question}"),
    PromptTemplate("brief", 1, "Be brief.", "{question}"),
)
SETS: Mapping[str, Sequence[TestCase]] = {
    "vectors": [TestCase(f"c{n}", {"question": f"question {n}"}, f"answer {n}") for n in range(3)],
    "empty": [],
}


class FewSets:
    """Some test sets."""

    def __call__(self, name: str) -> Sequence[TestCase]:
        if name not in SETS:
            raise NotFound(f"There is no test set {name}", subject=name)
        return SETS[name]

    def offered(self) -> list[str]:
        return sorted(SETS)


cases_by_name = FewSets()


def spec_of_cases(count: int, **changes: Any) -> dict[str, Any]:
    """Two templates on so many cases."""
    cases = [{"question": f"question {n}", "expected": f"answer {n}"} for n in range(count)]
    return {"name": "Try", "templates": ["plain", "brief"], "cases": cases, "scorers": ["contains"]} | changes


def echo(text: str, _temperature: float) -> str:
    return f"It is the answer {text.rsplit(maxsplit=1)[-1]}."


def open_lab(
    ledger: Ledger, *chats: LabChat, cost_of: CostOf = per_token, tools: Tools | None = None, **options: Any
) -> Lab:
    """The first of the chat models is the default one."""
    by_name = {chat.name: chat for chat in chats}
    models = LabModels(chats[0] if chats else None, by_name.__getitem__ if chats else None, SERVER)
    return Lab(
        ledger,
        models,
        templates=TEMPLATES,
        cases=cases_by_name,
        tools=tools or Tools(embedder=HashingEmbedder()),
        cost_of=cost_of,
        pace=options.pop("pace", IMPATIENT),
        **options,
    )


def ledger_in(folder: Path) -> Ledger:
    return open_ledger(f"sqlite:///{folder}/cuepoint.db")
