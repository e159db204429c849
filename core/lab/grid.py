"""A plan as cells: templates x models x temperatures x cases x repeats. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

from core.lab.plan import Plan, rendered, version_of
from core.models import Run, digest


def cells_of(plan: Plan, server: str) -> list[Run]:
    """The pending runs of a plan at a model server, whose address is part of what decides an output.

    In the order repeat, case, variant: an experiment that ends early has compared its variants on the same cases.
    """
    texts = {
        (template.name, template.version, case.case_id): _digest_of(rendered(template, case))
        for template, case in product(plan.templates, plan.cases)
    }
    cells = _cells(plan, server, texts)
    return list(cells)


def _cells(plan: Plan, server: str, texts: dict[tuple[str, int, str], str]) -> Iterator[Run]:
    grid = product(range(plan.repeats), plan.cases, plan.templates, plan.models, plan.temperatures)
    for position, (repeat, case, template, model, temperature) in enumerate(grid):
        text = texts[template.name, template.version, case.case_id]
        key = digest("\n".join((text, model, server.rstrip("/"), repr(temperature), str(plan.max_tokens))))
        yield Run(
            position, template.name, version_of(template), model, temperature, case.case_id, repeat, content_key=key
        )


def _digest_of(messages: object) -> str:
    return digest(json.dumps(messages, sort_keys=True))
