"""A chat model whose every call is held in the budgets before it is made, and settled after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from core.answering.live import LiveAnswer
from core.cost.budgets import Budgets
from core.cost.reservations import Reservation
from core.models import Usage
from core.ports import ChatModel, ChatStream, Message

PATIENCE_S = 2.0
"""So long the calls under way are waited for, where only they leave no room."""


class PaidChat:
    """A ChatModel for one answer. ``stream`` raises BudgetExhausted."""

    def __init__(self, chat: ChatModel, budgets: Budgets, live: LiveAnswer, max_tokens: int) -> None:
        """``max_tokens``: of an answer that is of a budget; others are as long as the server lets them be."""
        self._chat = chat
        self._budgets = budgets
        self._live = live
        self._most = max_tokens

    @property
    def name(self) -> str:
        return self._chat.name

    def check(self) -> None:
        self._chat.check()

    def stream(
        self, messages: Sequence[Message], *, temperature: float = 0.0, max_tokens: int | None = None
    ) -> PaidStream:
        most = max_tokens or self._most
        hold = self._budgets.for_call(
            self.name,
            messages,
            user=self._live.request.user,
            max_tokens=most,
            patience_s=PATIENCE_S,
            stopped=self._live.cancelled.is_set,
        )
        bound = most if hold.holds else max_tokens
        try:
            stream = self._chat.stream(messages, temperature=temperature, max_tokens=bound)
        except BaseException:
            hold.release()
            raise
        return PaidStream(stream, hold, self._settled(hold, bound))

    def _settled(self, hold: Reservation, bound: int | None) -> Callable[[ChatStream], None]:
        """What is done with a stream that came to its end."""

        def settle(stream: ChatStream) -> None:
            names = dict.fromkeys((stream.model, self.name))
            costs = (self._budgets.cost_of(name, stream.usage, self._live.started_at) for name in names if name)
            hold.settle(next((cost for cost in costs if cost is not None), None))
            if bound and (stream.usage.completion_tokens or 0) >= bound:
                self._live.notice(f"The answer was cut at {bound:,} tokens, the most that its budget reckons with.")

        return settle


class PaidStream:
    """A ChatStream."""

    def __init__(self, stream: ChatStream, hold: Reservation, settle: Callable[[ChatStream], None]) -> None:
        self._stream = stream
        self._hold = hold
        self._settle = settle
        self._is_read = False

    def __iter__(self) -> Iterator[str]:
        self._is_read = True
        with self._hold:
            try:
                yield from self._stream
            finally:
                if self._stream.usage.prompt_tokens is not None:
                    self._settle(self._stream)

    @property
    def usage(self) -> Usage:
        return self._stream.usage

    @property
    def model(self) -> str:
        return self._stream.model

    @property
    def left_out(self) -> tuple[str, ...]:
        return self._stream.left_out

    def close(self) -> None:
        """May be called by another thread while it is read: who reads settles then."""
        self._stream.close()
        if not self._is_read:
            self._hold.settle(None)
