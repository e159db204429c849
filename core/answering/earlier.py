"""An earlier answer in the place of one that may not be bought."""

from __future__ import annotations

import logging
from dataclasses import replace

from core.answering.live import LiveAnswer
from core.errors import CuepointError
from core.ledger import Ledger
from core.models import Trace
from core.prompts import PromptTemplate

_log = logging.getLogger(__name__)


def earlier_answer(ledger: Ledger, live: LiveAnswer, template: PromptTemplate, language: str) -> Trace | None:
    """The trace of the same question, asked of the same library with the same template; None where there is none."""
    request = live.request
    try:
        found = ledger.earlier.find(
            request.question,
            channels=request.channels,
            language=language,
            template=template.name,
            version=template.version,
            library=live.library_version,
        )
        return None if found is None else ledger.traces.get(found)
    except CuepointError:
        _log.warning("Earlier answers could not be looked for", exc_info=True)
        return None


def given_again(trace: Trace, earlier: Trace) -> Trace:
    """The trace with the answer and the passages of the earlier one, and what was measured of itself."""
    answer, old = trace.answer, earlier.answer
    again = replace(
        answer,
        text=old.text,
        language=old.language,
        citations=old.citations,
        claims=old.claims,
        follow_ups=old.follow_ups,
        cached=True,
    )
    return replace(trace, answer=again, passages=earlier.passages, prompt=())
