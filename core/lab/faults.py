"""What is wrong with a spec, in sentences that name the place: ``templates[1].user``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from core.errors import InputError
from core.lab.scorers import SCORERS

_MOST = 5
_WORDS = {
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "finite_number": "must be a finite number",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "missing": "is missing",
}
_BOUNDS = {
    "greater_than": "more than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}


def as_input_error(error: ValidationError, document: type[BaseModel], name: str) -> InputError:
    """All that is wrong, at most five things, in one sentence; ``name`` is that of the file or form."""
    faults = error.errors(include_url=False)
    sentences = list(dict.fromkeys(_sentence(fault, sorted(document.model_fields)) for fault in faults))
    more = f"; and {len(sentences) - _MOST} more" if len(sentences) > _MOST else ""
    return InputError(f"{name}: {'; '.join(sentences[:_MOST])}{more}", subject=place_of(faults[0]["loc"]) or name)


def place_of(loc: Sequence[int | str]) -> str:
    """``templates[1].user``; the scorer's type, which pydantic puts behind its index, is left out.

    >>> place_of(("scorers", 0, "regex", "pattern"))
    'scorers[0].pattern'
    """
    place = ""
    for part in loc:
        if isinstance(part, int):
            place += f"[{part}]"
        elif not (place.startswith("scorers[") and place.endswith("]") and part in SCORERS):
            place += f".{part}" if place else part
    return place


def _sentence(fault: Any, known: Sequence[str]) -> str:
    kind, place, context = fault["type"], place_of(fault["loc"]), fault.get("ctx") or {}
    if kind == "extra_forbidden":
        return _unknown_key(fault["loc"], known)
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        return _unknown_scorer(place, context.get("tag"))
    if kind in _BOUNDS:
        return f"{place} must be {_BOUNDS[kind]} {next(iter(context.values())):g}"
    if kind in {"string_too_long", "too_long"}:
        return f"{place} is longer than {context['max_length']:,}"
    if kind in _WORDS:
        return f"{place or 'the spec'} {_WORDS[kind]}"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{place} {message}" if place else message


def _unknown_key(loc: Sequence[int | str], known: Sequence[str]) -> str:
    where, key = place_of(loc[:-1]), str(loc[-1])
    near = get_close_matches(key, known, 1) if not where else []
    return f"{where or 'the spec'} has no key {key[:60]!r}" + (f", did you mean {near[0]!r}?" if near else "")


def _unknown_scorer(place: str, tag: object) -> str:
    if tag is None:
        return f"{place} names no scorer"
    near = get_close_matches(str(tag), SCORERS, 1)
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(SCORERS)}"
    return f"{place}: there is no scorer {str(tag)[:60]!r}, {hint}"
