"""Every answer says which library it came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from core.answering import AskRequest
from core.errors import LibraryLocked
from core.models import AnswerStatus
from core.ports import Message
from tests.answering.conftest import Opener
from tests.fakes.models import ScriptedChatModel, ScriptedStream
from tests.fakes.passages import transcript_of
from tests.fakes.workshop import Workshop

WINE = "How long should red wine breathe?"
GOOD = "Red wine should breathe for 30 minutes [1]."


def version_of(workshop: Workshop, answering_id: str) -> str | None:
    return workshop.ledger.traces.get(answering_id).library_version


def test_a_trace_has_the_version_of_the_library_that_was_searched(opened: Opener, workshop: Workshop) -> None:
    answering, library = opened(ScriptedChatModel(GOOD)), workshop.ledger.library
    before = library.version(workshop.embedder.identity)
    first = answering.ask(AskRequest(WINE))
    library.remove(["bread"])
    second = answering.ask(AskRequest(WINE))
    after = library.version(workshop.embedder.identity)
    assert before != after
    assert [version_of(workshop, answer.trace_id) for answer in (first, second)] == [before, after]


def test_quotes_and_refusals_have_it_too(opened: Opener, workshop: Workshop) -> None:
    answering = opened()
    quoted, refused = (answering.ask(AskRequest(question)) for question in (WINE, "xyzzy plugh quux"))
    assert (quoted.status, refused.status) == (AnswerStatus.QUOTED, AnswerStatus.REFUSED)
    version = workshop.ledger.library.version(workshop.embedder.identity)
    assert {version_of(workshop, answer.trace_id) for answer in (quoted, refused)} == {version}


@pytest.mark.parametrize("error", [LibraryLocked("busy"), RuntimeError("a fault of ours")])
def test_a_version_that_cannot_be_read_costs_the_answer_nothing(
    error: Exception, opened: Opener, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_embedder: str) -> str:
        raise error

    monkeypatch.setattr(workshop.ledger.library, "version", fail)
    answer = opened(ScriptedChatModel(GOOD)).ask(AskRequest(WINE))
    assert (answer.status, answer.notices) == (AnswerStatus.ANSWERED, ())
    assert version_of(workshop, answer.trace_id) is None


class Meddling(ScriptedChatModel):
    """Something else happens while it writes."""

    def __init__(self, meddle: Callable[[], object]) -> None:
        super().__init__(GOOD)
        self._meddle = meddle

    def stream(
        self, messages: Sequence[Message], *, temperature: float = 0.0, max_tokens: int | None = None
    ) -> ScriptedStream:
        self._meddle()
        return super().stream(messages, temperature=temperature, max_tokens=max_tokens)


def test_a_video_that_comes_while_the_model_writes_is_not_counted(opened: Opener, workshop: Workshop) -> None:
    """The version is that of the search, not of the end."""
    library, embedder = workshop.ledger.library, workshop.embedder.identity
    late = transcript_of("late", ["A late talk."])
    before = library.version(embedder)
    answer = opened(Meddling(lambda: library.save(late, [], embedder=embedder))).ask(AskRequest(WINE))
    assert library.version(embedder) != before
    assert version_of(workshop, answer.trace_id) == before
