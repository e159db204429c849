"""Question -> answer. Work runs in threads of the process, pages only watch, and everything ends in a trace.

>>> answering = Answering(ledger, retriever, chat, embedder, settings)     # doctest: +SKIP
>>> trace_id = answering.start(AskRequest("Why is the sky blue?"))         # doctest: +SKIP
>>> answering.live(trace_id).text                                          # doctest: +SKIP
'Air scatters blue light more than red [1].'
"""

from __future__ import annotations

from core.answering.request import MAX_QUESTION_CHARS, AskRequest
from core.answering.service import Answering

__all__ = ["MAX_QUESTION_CHARS", "Answering", "AskRequest"]
