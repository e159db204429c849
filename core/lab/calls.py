"""Calls of chat models for the lab: whole answers, timed and priced, through the gate that all workers share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import TypeGuard

from core.cost.reservations import Reservation, costs_nothing, nothing_held
from core.cost.worst import CostOf
from core.errors import BudgetExhausted, ModelBusy, ModelError
from core.lab.gate import Gate
from core.lab.halts import BudgetUsedUp
from core.lab.standing import Standing
from core.ports import ChatModel, Clock, Completion, Message, WholeChatModel

Hold = Callable[[str, Sequence[Message], int | None], Reservation]
"""Reserves the worst case of a call of a model, with at most so many tokens in its answer. Raises BudgetExhausted."""
Chats = Callable[[str], ChatModel]
"""The chat model of a name."""


def hold_nothing(_model: str, _messages: Sequence[Message], _max_tokens: int | None) -> Reservation:
    """The hold of a lab without budgets."""
    return nothing_held()


@dataclass(frozen=True, slots=True)
class Call:
    """An answer with what it took."""

    completion: Completion
    started_at: datetime
    latency_ms: float
    """Of the attempt that was answered, waiting for a busy server left out."""
    cost_usd: float | None
    refusals: int = 0
    """How often the server asked to wait before."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes calls. Safe for threads."""

    chats: Chats
    gate: Gate
    cost_of: CostOf
    clock: Clock
    hold: Hold = hold_nothing
    standing: Standing = field(default_factory=Standing)

    def call(
        self,
        model: str,
        messages: Sequence[Message],
        *,
        temperature: float,
        max_tokens: int | None,
        finishing: bool = False,
    ) -> Call:
        """One answer; a busy server is waited for. Raises ModelError for a call that failed, and Halt.

        A key or a model that the server rejects, and a server that stays out of reach, end the experiment.

        ``finishing``: see Gate.enter.
        """
        chat = self.chats(model)
        refusals = 0
        while True:
            ticket = self.gate.enter(finishing=finishing)
            try:
                call = self._paid(chat, model, messages, temperature=temperature, max_tokens=max_tokens)
            except ModelBusy as busy:
                self.gate.refused(ticket, busy)
                refusals += 1
            except BudgetExhausted as error:
                self.gate.passed()
                raise BudgetUsedUp(error) from error
            except ModelError as error:
                self.gate.passed()
                if halt := self.standing.failed(model, error):
                    raise halt from error
                raise
            except BaseException:
                self.gate.passed()
                raise
            else:
                self.gate.passed()
                self.standing.answered(model)
                return replace(call, refusals=refusals) if refusals else call

    def _paid(
        self, chat: ChatModel, model: str, messages: Sequence[Message], *, temperature: float, max_tokens: int | None
    ) -> Call:
        """One attempt, its worst case held in the budgets meanwhile. Raises ModelError, BudgetExhausted."""
        with self.hold(model, messages, max_tokens) as held:
            started_at, began = self.clock(), time.perf_counter()
            completion = complete(chat, messages, temperature=temperature, max_tokens=max_tokens)
            latency_ms = (time.perf_counter() - began) * 1000
            cost_usd = self._cost(model, completion, started_at)
            held.settle(cost_usd)
        return Call(completion, started_at, latency_ms, cost_usd)

    def _cost(self, model: str, completion: Completion, when: datetime) -> float | None:
        """By the model that the server says answered, else by the one that was asked."""
        known = self.cost_of(completion.model, completion.usage, when)
        return self.cost_of(model, completion.usage, when) if known is None else known


def is_whole(chat: ChatModel) -> TypeGuard[WholeChatModel]:
    """Whether it gives whole answers. Looked up once: Python takes longer to tell than to write a small request."""
    return _is_whole(type(chat))


@cache
def _is_whole(kind: type) -> bool:
    return issubclass(kind, WholeChatModel)


def complete(chat: ChatModel, messages: Sequence[Message], *, temperature: float, max_tokens: int | None) -> Completion:
    """A whole answer, from a model that gives such or from its stream. Raises ModelError."""
    if is_whole(chat):
        return chat.complete(messages, temperature=temperature, max_tokens=max_tokens)
    with closing(chat.stream(messages, temperature=temperature, max_tokens=max_tokens)) as stream:
        text = "".join(stream)
    return Completion(text, stream.usage, stream.model or chat.name, left_out=stream.left_out)


def cost_of_failure(error: Exception) -> float | None:
    """0 for a request that the server rejected or never got; None where nobody knows how far it came."""
    return 0.0 if costs_nothing(error) else None
