"""Starts answers in worker threads and lets any thread look at them."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from uuid import NAMESPACE_URL, uuid4, uuid5

from core.answering.journey import Journey, Tools
from core.answering.live import WAITING, LiveAnswer
from core.answering.paid import PaidChat
from core.answering.request import AskRequest, checked
from core.answering.templates import Templates
from core.answering.tracing import begun
from core.config import Settings
from core.cost import PriceOf, cost_usd
from core.cost.budgets import Budgets
from core.errors import LibraryError, LibraryLocked, NotFound, QuestionError, SettingsError
from core.ledger import Ledger
from core.ledger.outbox_rows import SAMPLE
from core.models import Answer, AnswerStatus, Feedback, Trace
from core.ports import ChatModel, Clock, Embedder
from core.prompts import TEMPLATES, PromptTemplate
from core.retrieval import Retriever

_log = logging.getLogger(__name__)

WORKERS = 32
"""Answers that are written at once; they mostly wait for a model. Further ones wait their turn."""
HISTORY_TURNS = 4
"""Earlier questions of a conversation that are looked at."""
_MOST_UNSAVED = 200


class Answering:
    """One per process. Every method may be called from any thread."""

    def __init__(
        self,
        ledger: Ledger,
        retriever: Retriever,
        chat: ChatModel | None,
        embedder: Embedder | None,
        settings: Settings,
        *,
        chat_by_name: Callable[[str], ChatModel] | None = None,
        templates: Mapping[str, PromptTemplate] = TEMPLATES,
        cost_of: PriceOf = cost_usd,
        budgets: Budgets | None = None,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """``chat_by_name`` gives the model that a request names; without it every request gets ``chat``.

        ``templates`` are what the app ships: the registry gets those that it lacks. Traces that a dead process left
        running are marked as abandoned. Raises LibraryError.
        """
        self._tools = Tools(ledger, retriever, embedder, settings, cost_of)
        self._budgets = budgets or Budgets(ledger.budgets, price=cost_of, server=settings.openai_base_url)
        self._chat = chat
        self._chat_by_name = chat_by_name
        ledger.prompts.seed(templates.values())
        self._templates = Templates(ledger.prompts, templates)
        self._clock = clock
        self._mirror = settings.comet_api_key is not None
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="answer")
        self._lock = Lock()
        self._live: OrderedDict[str, LiveAnswer] = OrderedDict()
        ledger.traces.abandon_running(mirror=self._mirror)

    # ---------------------------------------------------------------------------------------------------- asking

    def start(self, request: AskRequest) -> str:
        """Begins an answer and returns its trace id at once.

        Raises QuestionError, NotFound or TemplateError (template), SettingsError (model), LibraryError: then nothing
        was begun.
        """
        return self._start(request).trace_id

    def ask(self, request: AskRequest) -> Answer:
        """Waits for the answer. Raises as ``start``."""
        live = self._start(request)
        live.done.wait()
        return self.live(live.trace_id)

    def replay(self, trace_id: str) -> str:
        """Asks the question of a trace again, with its channels, version of the template and what was said before it.

        Raises NotFound, QuestionError for a question that nobody asked, LibraryError.
        """
        trace = self._tools.ledger.traces.get(trace_id)
        if trace.kind.startswith(SAMPLE):
            raise QuestionError(
                "Sample traffic cannot be asked again", subject=trace_id, hint="Ask it on the Ask page."
            )
        request = AskRequest(trace.question, trace.channels, user=trace.user, replay_of=trace_id)
        version = "" if trace.template_version is None else f"@{trace.template_version}"
        return self.start(replace(request, template=trace.template + version) if trace.template else request)

    def _start(self, request: AskRequest) -> LiveAnswer:
        request = checked(request)
        chosen, chat = self._templates.find(request.template), self._model(request.model)
        live = LiveAnswer(_trace_id(request), request, self._clock())
        with self._lock:
            known = self._live.get(live.trace_id)
            if known is not None:
                return known
            self._live[live.trace_id] = live
        try:
            return self._begin(live, chosen, chat)
        except BaseException:
            self._forget(live)
            raise

    def _begin(self, live: LiveAnswer, chosen: PromptTemplate, chat: ChatModel | None) -> LiveAnswer:
        traces = self._tools.ledger.traces
        if live.request.request_id and self._is_known(live.trace_id):
            self._forget(live)
            return live
        paid = chat and PaidChat(chat, self._budgets, live, self._tools.settings.chat_max_tokens)
        journey = Journey(live, self._tools, paid, chosen)
        traces.begin(begun(live))
        self._pool.submit(self._work, journey)
        return live

    def _is_known(self, trace_id: str) -> bool:
        try:
            self._tools.ledger.traces.get(trace_id)
        except NotFound:
            return False
        return True

    def _model(self, name: str | None) -> ChatModel | None:
        if not name or (self._chat is not None and self._chat.name == name):
            return self._chat
        if self._chat_by_name is None:
            raise SettingsError(
                f"The model {name} cannot be used", subject="OPENAI_API_KEY", hint="No chat model server is configured."
            )
        return self._chat_by_name(name)

    # --------------------------------------------------------------------------------------------------- looking

    def live(self, trace_id: str) -> Answer:
        """The answer as it is now: the text so far while it runs, the ledger's afterwards.

        Raises NotFound, LibraryError.
        """
        live = self._live.get(trace_id)
        return live.snapshot() if live is not None else self._tools.ledger.traces.get(trace_id).answer

    def stage(self, trace_id: str) -> str:
        """The step that an answer is at, "waiting" before the first, "" for one that is not being written here."""
        live = self._live.get(trace_id)
        return live.stage if live is not None and live.final is None else ""

    @property
    def waiting(self) -> int:
        """Answers whose turn has not come."""
        return sum(live.stage == WAITING for live in list(self._live.values()))

    def cancel(self, trace_id: str) -> None:
        """Stops an answer that is being written here; what it has is kept as abandoned. Else nothing happens."""
        live = self._live.get(trace_id)
        if live is not None:
            live.cancel()

    def save_feedback(self, feedback: Feedback) -> None:
        """A thumb, its reason and comment; value 0 takes it back. Raises NotFound, LibraryError."""
        self._tools.ledger.traces.save_feedback(feedback, mirror=self._mirror)

    def close(self) -> None:
        """Stops what runs, waits for its traces."""
        for live in list(self._live.values()):
            live.cancel()
        self._pool.shutdown(wait=True)

    # --------------------------------------------------------------------------------------------------- working

    def _work(self, journey: Journey) -> None:
        live = journey.live
        try:
            journey.history = self._history(live)
            trace = journey.run()
            self._save(live, trace)
        except BaseException as error:
            _log.exception("The answer %s was lost", live.trace_id)
            live.final = replace(
                live.snapshot(), status=AnswerStatus.FAILED, notices=(f"The answer failed ({error}).",)
            )
            raise
        finally:
            if live.final is None:
                self._forget(live)
            live.done.set()

    def _history(self, live: LiveAnswer) -> list[tuple[str, str]]:
        """Questions and answers before this one, oldest first."""
        request, traces = live.request, self._tools.ledger.traces
        try:
            if request.replay_of:
                original = traces.get(request.replay_of)
                conversation, before = original.conversation_id, original.started_at
            else:
                conversation, before = request.conversation_id, live.started_at
            turns = traces.conversation(conversation) if conversation else []
        except (LibraryError, NotFound) as error:
            live.notice(f"{error} The earlier conversation was left out.")
            return []
        said = [t for t in turns if t.started_at < before and t.trace_id != live.trace_id and t.answer.answered]
        return [(turn.question, turn.answer.text) for turn in said[-HISTORY_TURNS:]]

    def _save(self, live: LiveAnswer, trace: Trace) -> None:
        """Writes the trace; an answer that the ledger cannot keep stays readable here, with a notice."""
        try:
            self._finish(trace)
        except LibraryError as error:
            _log.exception("The trace %s could not be saved", live.trace_id)
            notice = f"{error} This answer could not be saved and will be gone after a restart."
            live.final = replace(trace.answer, notices=(*trace.answer.notices, notice))
            self._drop_old_unsaved()

    def _finish(self, trace: Trace) -> None:
        try:
            self._tools.ledger.traces.finish(trace, mirror=self._mirror)
        except LibraryLocked:  # another process holds it: one more try is cheap, a lost answer is not
            self._tools.ledger.traces.finish(trace, mirror=self._mirror)

    def _forget(self, live: LiveAnswer) -> None:
        with self._lock:
            self._live.pop(live.trace_id, None)
        live.done.set()

    def _drop_old_unsaved(self) -> None:
        with self._lock:
            unsaved = [trace_id for trace_id, live in self._live.items() if live.final is not None]
            for trace_id in unsaved[:-_MOST_UNSAVED]:
                del self._live[trace_id]


def _trace_id(request: AskRequest) -> str:
    return str(uuid5(NAMESPACE_URL, f"cuepoint:{request.request_id}") if request.request_id else uuid4())
