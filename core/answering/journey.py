"""The way of one question, step by step; each step is a span of its trace."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.answering.earlier import earlier_answer, given_again
from core.answering.live import Cancelled, LiveAnswer
from core.answering.model_calls import write_answer
from core.answering.quotes import quote
from core.answering.refusal import follow_ups, refusal_text, too_weak
from core.answering.request import MAX_QUESTION_CHARS
from core.answering.searching import search
from core.answering.tracing import Written, finished
from core.answering.understanding import Understanding, understand
from core.citations import CheckedAnswer, check
from core.config import Settings
from core.cost import PriceOf, cost_usd
from core.errors import BudgetExhausted, CuepointError, EmbeddingError, ModelError
from core.ledger import Ledger
from core.models import LEFT_OUT, Answer, AnswerStatus, Trace
from core.plain_text import plain
from core.ports import ChatModel, Embedder, Message
from core.prompts import (
    PromptTemplate,
    fit_passages,
    format_history,
    format_passages,
    format_question,
    language_name,
    parse_tail,
)
from core.retrieval import Retriever

_log = logging.getLogger(__name__)

_LONGEST_PARTIAL = 8_000
"""Characters of a text that was not shown, kept in the span of its step."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every journey uses."""

    ledger: Ledger
    retriever: Retriever
    embedder: Embedder | None
    settings: Settings
    cost_of: PriceOf = cost_usd


@dataclass(slots=True)
class Journey:
    """Takes one question to its trace. ``run`` never raises."""

    live: LiveAnswer
    tools: Tools
    chat: ChatModel | None
    template: PromptTemplate
    history: Sequence[tuple[str, str]] = ()
    """(question, answer), oldest first."""
    _written: Written = field(default_factory=Written)
    _error: str | None = None
    _earlier: Trace | None = None

    def run(self) -> Trace:
        """The finished trace, whatever happened."""
        try:
            answer = self._answer()
        except Cancelled:
            answer = self._outcome(AnswerStatus.ABANDONED, self.live.snapshot().text)
            self.live.notice("The answer was stopped.")
        except CuepointError as error:
            answer = self._failed(str(error))
        except Exception:  # noqa: BLE001 - a fault of ours must end in a trace too, not in a hung page
            _log.exception("The answer %s failed", self.live.trace_id)
            answer = self._failed("The answer failed through a fault of the app; its log has the details.")
        tools = self.tools
        trace = finished(self.live, answer, self._written, tools.settings, error=self._error, cost_of=tools.cost_of)
        return trace if self._earlier is None else given_again(trace, self._earlier)

    def _failed(self, message: str) -> Answer:
        self._error = message
        self.live.notice(message)
        return self._outcome(AnswerStatus.FAILED, "")

    def _outcome(self, status: AnswerStatus, text: str, language: str = "en") -> Answer:
        return Answer(self.live.trace_id, status, text, language)

    # -------------------------------------------------------------------------------------------------- the steps

    def _answer(self) -> Answer:
        question = understand(self.live, self.chat, self.history)
        self._note_library()
        self._written = Written(search(self.live, self.tools.retriever, question))
        if self._is_too_weak(question):
            return self._refused(question)
        if self.chat is None:
            return self._quoted(question)
        try:
            self._generate(question, self.chat)
        except ModelError as error:
            return self._instead_of_model(question, error)
        except BudgetExhausted as error:
            return self._unpaid(question, error)
        return self._checked(question)

    def _note_library(self) -> None:
        """Which library is searched. A fault here costs the trace this one field and the reader nothing."""
        embedder = self.tools.embedder.identity if self.tools.embedder else ""
        try:
            self.live.library_version = self.tools.ledger.library.version(embedder)
        except Exception:  # noqa: BLE001
            _log.warning("The library's version could not be read", exc_info=True)

    def _is_too_weak(self, question: Understanding) -> bool:
        embedder = self.tools.embedder.identity if self.tools.embedder else ""
        asked, language = question.query, question.query_language
        with self.live.step("decide") as found:
            weak = too_weak(asked, language, self._written.passages, embedder, has_model=self.chat is not None)
            found["answerable"] = not weak
        return weak

    def _generate(self, question: Understanding, chat: ChatModel) -> None:
        self.live.language = question.language
        with self.live.step("render", template=self.template.name, version=self.template.version) as found:
            passages = fit_passages(self._written.passages)
            prompt = self._render(question)
            self._written = Written(passages, prompt, self.template)
            found["passages"] = len(passages)
        with self.live.step("generate", model=chat.name) as found:
            try:
                write_answer(self.live, chat, prompt, self.tools.settings.chat_temperature)
            except ModelError:
                found["partial"] = self.live.text[:_LONGEST_PARTIAL]
                raise
            found["chars"] = len(self.live.text)
            if self.live.left_out:
                found[LEFT_OUT] = " ".join(self.live.left_out)

    def _render(self, question: Understanding) -> tuple[Message, ...]:
        values: Mapping[str, object] = {
            "history": format_history(self.history),
            "passages": format_passages(self._written.passages),
            "question": format_question(question.text, MAX_QUESTION_CHARS),
            "language": language_name(question.language),
        }
        return self.template.render(**{name: values[name] for name in self.template.variables})

    # ------------------------------------------------------------------------------------------------ the outcomes

    def _checked(self, question: Understanding) -> Answer:
        reply = parse_tail(self.live.text)
        if reply.looked_for is not None:
            return self._refused(question, plain(reply.looked_for))
        with self.live.step("check") as found:
            checked = self._check(reply.text)
            found["claims"] = len(checked.claims)
            found["supported"] = sum(claim.supported for claim in checked.claims)
            found["dropped"] = checked.dropped
            found["added"] = len(checked.added)
            if checked.all_unsupported:
                found["rejected"] = self.live.text[:_LONGEST_PARTIAL]
        if checked.all_unsupported or not checked.text:
            return self._refused(question)
        for notice in checked.notices:
            self.live.notice(notice)
        return replace(
            self._outcome(AnswerStatus.ANSWERED, checked.text, question.language),
            citations=checked.citations,
            claims=checked.claims,
            follow_ups=tuple(filter(None, map(plain, reply.follow_ups))) or self._follow_ups(question),
        )

    def _check(self, text: str) -> CheckedAnswer:
        try:
            return check(text, self._written.passages, embedder=self.tools.embedder)
        except EmbeddingError as error:
            self.live.notice(f"{str(error).rstrip('.')}. The citations were checked by their words only.")
            return check(text, self._written.passages, embedder=None)

    def _quoted(self, question: Understanding) -> Answer:
        asked, language, passages = question.query, question.query_language, self._written.passages
        with self.live.step("quote") as found:
            try:
                quoted = quote(asked, language, passages, self.tools.embedder)
            except EmbeddingError:
                quoted = quote(asked, language, passages, None)
            found["quotes"] = len(quoted.citations)
        self.live.shown()
        return replace(
            self._outcome(AnswerStatus.QUOTED, quoted.text, passages[0].video.language if passages else "en"),
            citations=quoted.citations,
            claims=quoted.claims,
            follow_ups=self._follow_ups(question),
        )

    def _unpaid(self, question: Understanding, error: BudgetExhausted) -> Answer:
        """The budget is used up: the answer that this question got before, else quotes."""
        self._written = replace(self._written, prompt=())  # nobody was sent it
        if not self.history:
            with self.live.step("look back"):
                self._earlier = earlier_answer(self.tools.ledger, self.live, self.template, question.language)
        if self._earlier is None:
            return self._instead_of_model(question, error)
        self._error = str(error)
        given = f"{self._earlier.started_at:%Y-%m-%d}"
        self.live.notice(f"{self._error.rstrip('.')}. So here is the answer that this question got on {given}.")
        self.live.shown()
        return self._outcome(AnswerStatus.ANSWERED, self._earlier.answer.text, question.language)

    def _instead_of_model(self, question: Understanding, error: ModelError | BudgetExhausted) -> Answer:
        """The model failed, or may not be asked: quotes. What it had written stays in the trace."""
        self.live.check_cancelled()
        self._error = str(error)
        self.live.notice(f"{self._error.rstrip('.')}. So here are quotes instead of an answer.")
        self.live.drop_text()
        return self._quoted(question)

    def _refused(self, question: Understanding, looked_for: str = "") -> Answer:
        with self.live.step("refuse"):
            videos = self.tools.ledger.library.stats().videos
            channels, passages = self.live.request.channels, self._written.passages
            text = refusal_text(looked_for or question.text, channels, videos, passages)
        self.live.shown()
        return replace(self._outcome(AnswerStatus.REFUSED, text), follow_ups=self._follow_ups(question))

    def _follow_ups(self, question: Understanding) -> tuple[str, ...]:
        return follow_ups(question.text, self._written.passages)
