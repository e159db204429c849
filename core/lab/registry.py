"""What is said of a template while it is written: its variables, its slips, how it would read, what changed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import unified_diff

from core.lab.braces import stray_braces
from core.ledger import PromptVersion
from core.ports import Message
from core.prompts import PromptTemplate

SAMPLE: Mapping[str, str] = {
    "question": "How cold should white wine be served?",
    "passages": '<passage n="1" title="How to serve wine" channel="The cellar">\n'
    "White wine is served at about eight degrees, red wine a little below the warmth of the room.\n</passage>",
    "history": "(none)",
    "language": "English",
}
"""What Ask would put into a template, for one short question."""


@dataclass(frozen=True, slots=True)
class Review:
    """A template beside the values that it would be filled with."""

    variables: tuple[str, ...]
    missing: tuple[str, ...]
    """Variables that nothing fills."""
    unused: tuple[str, ...]
    """Values that the template does not use."""
    slips: tuple[tuple[str, int, str], ...]
    """(``system`` or ``user``, line from 1, the brace that is no variable)."""


def review(template: PromptTemplate, given: Collection[str]) -> Review:
    """``given``: names of the values that there are."""
    texts = {"system": template.system, "user": template.user}
    slips = ((part, line, slip) for part, text in texts.items() for line, slip in stray_braces(text))
    return Review(
        template.variables,
        tuple(name for name in template.variables if name not in given),
        tuple(name for name in given if name not in template.variables),
        tuple(slips),
    )


def preview(template: PromptTemplate, values: Mapping[str, str]) -> tuple[Message, ...]:
    """The messages with these values; a variable without one stays as it is written."""
    return template.render(**{name: values.get(name, f"{{{name}}}") for name in template.variables})


def difference(old: PromptVersion, new: PromptVersion) -> str:
    """The lines that changed with three around them, in the form of ``diff -u``; empty where nothing did."""
    before, after = (_lines(version) for version in (old, new))
    return "\n".join(unified_diff(before, after, f"version {old.version}", f"version {new.version}", lineterm=""))


def _lines(version: PromptVersion) -> list[str]:
    return ["[system]", *version.system.splitlines(), "", "[user]", *version.user.splitlines()]
