"""Why an experiment ends before its last cell. The cells under way are not lost: they stay pending."""

from __future__ import annotations

from core.errors import BudgetExhausted
from core.models import ExperimentState
from core.phrases import money


class Halt(Exception):
    """Ends the experiment in a state, with the reason as a sentence."""

    state: ExperimentState | None = None
    """None: it stays running, for the next process."""

    @property
    def reason(self) -> str | None:
        return str(self) or None


class Stopped(Halt):
    """By a person."""

    state = ExperimentState.STOPPED


class Interrupted(Halt):
    """The process ends; another resumes it."""


class CapReached(Halt):
    """The next call might cost more than is left."""

    state = ExperimentState.CAPPED

    def __init__(self, cap_usd: float, spent_usd: float, next_usd: float) -> None:
        super().__init__(
            f"The cap of {money(cap_usd)} is reached: {money(spent_usd)} are spent, "
            f"and the next call may cost up to {money(next_usd)}. Raise the cap and resume."
        )


class BudgetUsedUp(Halt):
    """A budget has too little left for the next call."""

    state = ExperimentState.CAPPED

    def __init__(self, exhausted: BudgetExhausted) -> None:
        super().__init__(f"{str(exhausted).rstrip('.')}. What is done is kept; resume then, or raise the budget.")


class Unanswered(Halt):
    """The model server does not take calls any more."""

    state = ExperimentState.FAILED


class Rejected(Halt):
    """The model server takes the key or the model of no call."""

    state = ExperimentState.FAILED


class Fault(Halt):
    """One of ours."""

    state = ExperimentState.FAILED


class NotWritten(Halt):
    """The ledger takes no more results."""

    state = ExperimentState.FAILED
