"""What every scorer has, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from pydantic import BaseModel, ConfigDict, Field

from core.models import Passage, Score, TestCase, Usage, digest
from core.ports import Embedder, Message, Sandbox


class Judge(Protocol):
    """Asks a model for a verdict; the call's trace and its cost are the caller's matter."""

    def __call__(self, model: str, messages: Sequence[Message], *, max_tokens: int) -> str:
        """The model's text. Raises ModelError."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What scorers need of the outside; None where it is not to be had."""

    embedder: Embedder | None = None
    sandbox: Callable[[], Sandbox] | None = None
    """Raises SandboxUnavailable where no kind of sandbox holds."""
    passages: Callable[[TestCase], Sequence[Passage]] = lambda _case: ()
    """Those that an answer to the case may cite, in the order of their numbers."""


@dataclass(frozen=True, slots=True)
class Context:
    """The call whose output is scored."""

    tools: Tools
    messages: tuple[Message, ...] = ()
    usage: Usage = field(default_factory=Usage)
    latency_ms: float | None = None
    cost_usd: float | None = None
    judge: Judge | None = None


class Scorer(BaseModel):
    """Base of the scorers: a pydantic model of its parameters, so that a spec is checked as it is read.

    ``score`` may raise: core/lab/scoring.py makes a Score without a value of it, with the reason.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    type: str
    name: str = Field(default="", max_length=60)
    """What results call it; the type where nothing is said."""

    lower_is_better: ClassVar[bool] = False
    is_share: ClassVar[bool] = True
    """Whether its value is 0 to 1, so that differences read as points."""
    costly: ClassVar[bool] = False
    """Worth remembering: a score is used again for the same output, case and parameters."""
    needs_expected: ClassVar[bool] = False

    @property
    def label(self) -> str:
        return self.name or self.type

    def score(self, output: str, case: TestCase, context: Context) -> Score:
        """What it says of an output; an empty one is an output too. May raise anything."""
        raise NotImplementedError

    def check(self, cases: Sequence[TestCase], tools: Tools) -> str | None:  # noqa: ARG002
        """Why it cannot work on these cases here, or None; asked before anything is spent."""
        if self.needs_expected and not any(case.expected.strip() for case in cases):
            return "no case has an expected answer to compare with"
        return None

    def key(self, output: str, case: TestCase) -> str:
        """SHA-256 over what decides the score."""
        facts = (self.model_dump_json(), output, case.expected, case.tests, repr(sorted(case.variables.items())))
        return digest("\x1f".join(facts))

    def expected_of(self, case: TestCase) -> str:
        """Raises NothingToCompare where the case has no expected answer."""
        if not case.expected.strip():
            raise NothingToCompare("The case has no expected answer")
        return case.expected


class NothingToCompare(Exception):
    """The case lacks what the scorer compares with; the message says what."""


def share(value: float, *, at_least: float, reason: str = "") -> Score:
    """A score of 0 to 1 that passes from a threshold on."""
    return Score(value, passed=value >= at_least, reason=reason)


def verdict(passed: bool, reason: str = "") -> Score:
    """1 or 0."""
    return Score(float(passed), passed=passed, reason=reason)
