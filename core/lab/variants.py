"""What an experiment compares: a template at a version with a model at a temperature. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.models import Run
from core.phrases import one_line


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to ask."""

    template: str
    version: int | None
    """None for a template that stands in the spec."""
    model: str
    temperature: float | None

    @property
    def versioned(self) -> str:
        """``brief@3``."""
        return one_line(self.template if self.version is None else f"{self.template}@{self.version}")

    @property
    def warmth(self) -> str:
        """``0.5``; ``default`` where none was sent."""
        return "default" if self.temperature is None else f"{self.temperature:g}"


def variant_of(run: Run) -> Variant:
    return Variant(run.template, run.version, run.model, run.temperature)


def variants_of(runs: Sequence[Run]) -> list[Variant]:
    """In the order in which they first appear."""
    return list(dict.fromkeys(map(variant_of, runs)))


def names_of(variants: Sequence[Variant]) -> dict[Variant, str]:
    """The shortest names that tell them apart: ``brief@3``, ``brief@3 at 0.5``, ``brief@3 at 0.5 on gpt-5.4-mini``."""
    warmths = {variant.temperature for variant in variants}
    models = {variant.model for variant in variants}
    return {
        variant: variant.versioned
        + (f" at {variant.warmth}" if len(warmths) > 1 else "")
        + (f" on {one_line(variant.model)}" if len(models) > 1 else "")
        for variant in variants
    }


def chosen(variants: Sequence[Variant], wanted: Mapping[str, Any]) -> Variant | None:
    """The first variant with all that ``wanted`` says: template, version, model, temperature. None without variants.

    The first of all where none fits.
    """
    known = {key: value for key, value in wanted.items() if key in Variant.__slots__ and value is not None}
    fitting = (v for v in variants if all(getattr(v, key) == value for key, value in known.items()))
    return next(fitting, variants[0] if variants else None)
