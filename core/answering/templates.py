"""Where Ask gets its templates: the ledger's registry, or what the app ships where the ledger fails."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import LibraryError, NotFound, TemplateError
from core.ledger import PromptStore
from core.ledger.prompt_values import PRODUCTION, parse_reference
from core.phrases import listed
from core.prompts import PromptTemplate, not_of_a_question

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Templates:
    """Safe for threads."""

    registry: PromptStore
    shipped: Mapping[str, PromptTemplate]

    def find(self, reference: str) -> PromptTemplate:
        """The template of ``name``, ``name@3`` or ``name@alias``; a name alone means its alias ``production``.

        Raises NotFound that says what there is, TemplateError for one that a question cannot fill, and LibraryError
        where the ledger fails and the app ships no such template.
        """
        name, ref = parse_reference(reference)
        try:
            found = self.registry.current(name, ref)
        except (LibraryError, NotFound) as error:
            shipped = self.shipped.get(name)
            if shipped is None or ref not in {PRODUCTION, shipped.version}:
                raise
            if isinstance(error, LibraryError):
                _log.warning("The template %s is the shipped one, as the registry cannot be read: %s", name, error)
            found = shipped
        return _usable(found)


def _usable(template: PromptTemplate) -> PromptTemplate:
    lacking = not_of_a_question(template.variables)
    if lacking:
        wanted = listed([f"{{{name}}}" for name in lacking])
        raise TemplateError(
            f"A question has nothing to put in {wanted} of the template {template.name}",
            subject=template.name,
            hint="Name another one; this one is for experiments of the Prompt Lab.",
        )
    return template
