"""A question that was asked, as a test case: with what Ask put into its template. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from core.lab.passages import passage_of
from core.models import TestCase, Trace
from core.prompts import format_history, format_passages, format_question, language_name


def case_of_trace(trace: Trace, earlier: Sequence[Trace] = (), *, expected: str = "", note: str = "") -> TestCase:
    """``earlier``: answered questions of the conversation before it, oldest first.

    A template of Ask can be filled with it: question, passages, history and language are as they were. The question
    alone is there for a trace without passages.
    """
    variables = {"question": format_question(trace.question)}
    variables["passages"] = format_passages([passage_of(record) for record in trace.passages])
    variables["history"] = format_history([(turn.question, turn.answer.text) for turn in earlier])
    variables["language"] = language_name(trace.answer.language)
    return TestCase(trace.trace_id, variables, expected.strip(), note=note.strip(), trace_id=trace.trace_id)
