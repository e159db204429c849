"""Ask takes its template from the registry."""

from __future__ import annotations

import pytest

from core.answering import Answering, AskRequest
from core.errors import LibraryError, NotFound, TemplateError
from core.models import Trace
from core.prompts import TEMPLATES, PromptTemplate
from tests.answering.conftest import Opener
from tests.fakes.models import ScriptedChatModel
from tests.fakes.workshop import Workshop

WINE = "How cold should white wine be served?"
GOOD = "White wine is served at about eight degrees [1]."
BRIEF = PromptTemplate("cited-answer", 0, "Be brief.", "{passages}\n{question}")


def asked(answering: Answering, workshop: Workshop, template: str = "cited-answer") -> Trace:
    return workshop.ledger.traces.get(answering.ask(AskRequest(WINE, template=template)).trace_id)


def test_the_registry_gets_what_the_app_ships(opened: Opener, workshop: Workshop) -> None:
    opened()
    assert workshop.ledger.prompts.names() == sorted(TEMPLATES)
    assert workshop.ledger.prompts.get("cited-answer") == TEMPLATES["cited-answer"]


def test_what_is_promoted_is_what_the_next_question_is_asked_with(opened: Opener, workshop: Workshop) -> None:
    answering, prompts = opened(ScriptedChatModel(*[GOOD] * 3)), workshop.ledger.prompts
    first = asked(answering, workshop)
    assert (first.template, first.template_version) == ("cited-answer", 1)
    prompts.point("cited-answer", "production", prompts.save(BRIEF))
    second = asked(answering, workshop)
    assert (second.template, second.template_version) == ("cited-answer", 2)
    assert second.prompt[0]["content"] == "Be brief."
    prompts.roll_back("cited-answer")
    assert asked(answering, workshop).prompt[0] == first.prompt[0]


def test_a_version_or_an_alias_can_be_named(opened: Opener, workshop: Workshop) -> None:
    answering, prompts = opened(ScriptedChatModel(*[GOOD] * 3)), workshop.ledger.prompts
    prompts.point("cited-answer", "trial", prompts.save(BRIEF))
    found = [asked(answering, workshop, f"cited-answer{ref}") for ref in ("", "@2", "@trial")]
    assert [trace.template_version for trace in found] == [1, 2, 2]
    assert {trace.template for trace in found} == {"cited-answer"}


def test_a_replay_asks_with_the_version_of_its_trace(opened: Opener, workshop: Workshop) -> None:
    answering, prompts = opened(ScriptedChatModel(*[GOOD] * 2)), workshop.ledger.prompts
    first = asked(answering, workshop)
    prompts.point("cited-answer", "production", prompts.save(BRIEF))
    again = answering.replay(first.trace_id)
    live = answering._live.get(again)
    assert live is None or live.done.wait(10)
    assert workshop.ledger.traces.get(again).template_version == 1


def test_what_is_not_there_is_named_before_anything_begins(opened: Opener, workshop: Workshop) -> None:
    answering = opened()
    for name, message in (("cited-answer@7", "has no version 7"), ("cited-answer@gone", "no alias 'gone'")):
        with pytest.raises(NotFound, match=message):
            answering.start(AskRequest(WINE, template=name))
    workshop.ledger.prompts.save(PromptTemplate("code", 0, "", "{task}"))
    with pytest.raises(TemplateError, match=r"nothing to put in \{task\} of the template code"):
        answering.start(AskRequest(WINE, template="code@1"))
    assert workshop.ledger.traces.count() == 0


def test_a_registry_that_cannot_be_read_leaves_the_shipped_templates(
    opened: Opener, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering = opened(ScriptedChatModel(GOOD))

    def fail(*_: object) -> None:
        raise LibraryError("The registry cannot be read")

    monkeypatch.setattr(workshop.ledger.prompts, "get", fail)
    trace = asked(answering, workshop)
    assert (trace.template, trace.template_version) == ("cited-answer", 1)
    with pytest.raises(LibraryError, match="cannot be read"):
        answering.start(AskRequest(WINE, template="cited-answer@2"))


def test_questions_in_a_row_read_the_registry_once(
    opened: Opener, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering, reads = opened(ScriptedChatModel(*[GOOD] * 5)), []
    get = workshop.ledger.prompts.get
    monkeypatch.setattr(workshop.ledger.prompts, "get", lambda *wanted: reads.append(wanted) or get(*wanted))
    monkeypatch.setattr("core.ledger.prompts.FRESH_S", 60.0)
    for _ in range(5):
        asked(answering, workshop)
    assert reads == [("cited-answer", "production")]
