"""What is sent to a chat model and what comes back: templates, untrusted text as data, replies taken apart. Pure."""

from core.prompts.data import (
    PASSAGE_CHARS,
    fit_passages,
    format_history,
    format_passages,
    format_question,
    language_name,
    neutralise,
)
from core.prompts.reply import Reply, parse_tail, visible_text
from core.prompts.templates import (
    ASK_VARIABLES,
    TEMPLATES,
    PromptTemplate,
    estimate_message_tokens,
    estimate_tokens,
    not_of_a_question,
)

__all__ = [
    "ASK_VARIABLES",
    "PASSAGE_CHARS",
    "TEMPLATES",
    "PromptTemplate",
    "Reply",
    "estimate_message_tokens",
    "estimate_tokens",
    "fit_passages",
    "format_history",
    "format_passages",
    "format_question",
    "language_name",
    "neutralise",
    "not_of_a_question",
    "parse_tail",
    "visible_text",
]
