"""The columns of an uploaded file as parts of test cases: what each is used as. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from core.errors import InputError
from core.lab.case_rows import MOST_CASES, OWN, Row, cases_of, rows_in
from core.models import TestCase

VARIABLE, LEFT_OUT = "variable", "left out"
USES = (VARIABLE, *OWN, LEFT_OUT)
"""What a column can be: a variable, one of the case's own parts, nothing."""
_SYNONYMS = {
    "id": ("id", "case_id", "case"),
    "expected": ("expected", "answer", "expected_answer", "reference", "ground_truth", "target"),
    "tests": ("tests", "test", "unit_tests"),
    "note": ("note", "notes", "comment"),
}


_LONGEST_NAME = 60
_ENDS = ("?", "!", ".", ";")


@dataclass(frozen=True, slots=True)
class Sheet:
    """An uploaded file."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def sheet_of(name: str, data: bytes) -> Sheet:
    """Reads a ``.csv``, ``.jsonl`` or ``.json`` file. Raises InputError for too many rows, none, or broken ones."""
    rows: list[Row] = []
    for row in rows_in(name, data):
        if len(rows) == MOST_CASES:
            hint = "Take a sample of them."
            raise InputError(f"{name} has more than {MOST_CASES:,} rows", subject=name, hint=hint)
        if not isinstance(row, Mapping):
            raise InputError(f"{name}, row {len(rows) + 1} is no mapping of columns to values", subject=name)
        rows.append(_flat(row))
    if not rows:
        raise InputError(f"{name} has no rows", subject=name)
    return Sheet(name, tuple(dict.fromkeys(str(key) for row in rows for key in row)), tuple(rows))


def _flat(row: Row) -> Row:
    """Variables that stand in a mapping of their own, beside the rest."""
    nested = row.get("variables")
    if not isinstance(nested, Mapping):
        return row
    return {**{key: value for key, value in row.items() if key != "variables"}, **nested}


def names_nothing(sheet: Sheet) -> bool:
    """Whether the names of the columns read like values: the file begins with a case and not with their names."""
    if any(suggested_use(column) != VARIABLE for column in sheet.columns):
        return False
    return any(_is_value(column, {str(row.get(column, "")) for row in sheet.rows}) for column in sheet.columns)


def _is_value(name: str, values: Collection[str]) -> bool:
    """A sentence, a number, or what stands below it too."""
    plain = name.strip()
    number = plain.replace(".", "", 1).replace("-", "", 1).isdecimal()
    return len(plain) > _LONGEST_NAME or plain.endswith(_ENDS) or number or plain in values


def suggested_use(column: str) -> str:
    """By the column's name."""
    plain = column.strip().casefold().replace(" ", "_")
    return next((use for use, names in _SYNONYMS.items() if plain in names), VARIABLE)


def suggested_name(column: str) -> str:
    """The column as a variable can be called: ``First name`` is ``first_name``."""
    name = "".join(char if char.isalnum() else "_" for char in column.strip().lower()).strip("_")
    return name if name.isidentifier() else f"column_{name}".rstrip("_")


def mapped_cases(sheet: Sheet, uses: Mapping[str, tuple[str, str]]) -> list[TestCase]:
    """The rows as cases. ``uses``: column -> (use, name of the variable).

    Raises InputError that names the column which cannot be used so, or the row that is wrong.
    """
    targets = {column: name if use == VARIABLE else use for column, (use, name) in uses.items() if use != LEFT_OUT}
    _check(targets, uses)
    rows = [{targets[str(key)]: value for key, value in row.items() if str(key) in targets} for row in sheet.rows]
    return cases_of(rows, sheet.name)


def _check(targets: Mapping[str, str], uses: Mapping[str, tuple[str, str]]) -> None:
    if not any(use == VARIABLE for use, _ in uses.values()):
        raise InputError("No column is a variable, so nothing would fill a template", hint="Use one as a variable.")
    names = list(targets.values())
    for column, target in targets.items():
        if uses[column][0] == VARIABLE and (not target.isidentifier() or target in OWN):
            hint = "Letters, digits and underscores are fine; it does not begin with a digit."
            raise InputError(f"{target!r} cannot be a variable (column {column})", subject=column, hint=hint)
        if names.count(target) > 1:
            raise InputError(f"Two columns are used as {target}", subject=column, hint="Leave one of them out.")


def merged(there: Sequence[TestCase], new: Iterable[TestCase], *, own_ids: bool) -> list[TestCase]:
    """The new cases after those that are there.

    ``own_ids``: the new ones brought their ids, and take the place of those with the same; else they get new numbers.
    """
    cases = {case.case_id: case for case in there}
    numbers = (str(n) for n in count(len(cases) + 1))
    for case in new:
        added = case if own_ids else replace(case, case_id=next(n for n in numbers if n not in cases))
        cases[added.case_id] = added
    return [*cases.values()]


# ------------------------------------------------------------------------------------------- cases as a table


def table_of(cases: Sequence[TestCase]) -> list[dict[str, Any]]:
    """One row a case: its id, its variables, its other parts and the trace that it came from."""
    names = dict.fromkeys(name for case in cases for name in case.variables)
    return [
        {
            "id": case.case_id,
            **{name: case.variables.get(name) for name in names},
            "expected": case.expected,
            "tests": case.tests,
            "note": case.note,
            "trace": case.trace_id,
        }
        for case in cases
    ]


def cases_in(rows: Sequence[Mapping[str, Any]], name: str) -> list[TestCase]:
    """A table's rows as cases again; a row without an id gets a number, one without any text is left out.

    A variable that is None is none of the case. Raises InputError that names the row.
    """
    filled = [row for row in rows if any(value not in (None, "") for key, value in row.items() if key != "trace")]
    taken = {str(row.get("id") or "").strip() for row in filled}
    numbers = (str(n) for n in count(1) if str(n) not in taken)
    with_ids = [{**row, "id": str(row.get("id") or "").strip() or next(numbers)} for row in filled]
    found = cases_of([{k: v for k, v in row.items() if k != "trace" and v is not None} for row in with_ids], name)
    return [replace(case, trace_id=row.get("trace")) for case, row in zip(found, with_ids, strict=True)]
