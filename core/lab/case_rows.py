"""Rows of a CSV or JSONL file, or of a spec, as test cases. Pure.

The columns ``id``, ``expected``, ``tests`` and ``note`` are the case's own; every other one is a variable.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from core.errors import InputError
from core.models import TestCase
from core.sources.text import encoding_of, shown

OWN = ("id", "expected", "tests", "note")
MOST_CASES = 10_000
_LONGEST_VALUE = 400_000
_DELIMITERS = ",;\t|"
Row = Mapping[str, Any]


def read_cases(name: str, data: bytes) -> list[TestCase]:
    """The cases of a ``.csv``, ``.jsonl`` or ``.json`` file (a list of objects).

    Raises InputError that names the file, the row and the column.
    """
    return cases_of(rows_in(name, data), name)


def rows_in(name: str, data: bytes) -> Iterator[Row]:
    """Its rows as they stand. Raises as ``read_cases``, for a row when that is reached."""
    text = data.decode(encoding_of(io.BytesIO(data)), "replace").removeprefix("\ufeff")
    if not text.strip():
        raise InputError(f"{shown(name)} is empty", subject=name)
    kind = name.lower().rpartition(".")[2]
    if kind not in _READERS:
        raise InputError(f"{shown(name)} is no .csv, .jsonl or .json file", subject=name)
    return _READERS[kind](text, name)


def cases_of(rows: Iterable[Row], name: str) -> list[TestCase]:
    """Rows as cases; one without an id is called by its number. ``name`` is the file's or the key's, for messages."""
    cases: dict[str, TestCase] = {}
    for number, row in enumerate(rows, 1):
        if number > MOST_CASES:
            hint = "Take a sample of them."
            raise InputError(f"{name} has more than {MOST_CASES:,} cases", subject=name, hint=hint)
        case = _case(row, number, name)
        if case.case_id in cases:
            raise InputError(f"{name}, row {number}: the id {shown(case.case_id)!r} stands twice", subject="id")
        cases[case.case_id] = case
    if not cases:
        raise InputError(f"{name} has no cases", subject=name)
    return [*cases.values()]


def _case(row: Row, number: int, name: str) -> TestCase:
    if not isinstance(row, Mapping):
        raise InputError(f"{name}, row {number} is no mapping of columns to values", subject=name)
    nested = row.get("variables")
    if isinstance(nested, Mapping):
        stray = [key for key in row if key not in (*OWN, "variables")]
        if stray:
            raise InputError(f"{name}, row {number} has no key {shown(str(stray[0]))!r}", subject=str(stray[0]))
    values = {**row, **nested} if isinstance(nested, Mapping) else dict(row)
    texts = {
        str(key): _text(value, f"{name}, row {number}, column {shown(str(key))}")
        for key, value in values.items()
        if not (key == "variables" and isinstance(nested, Mapping))
    }
    own = {key: _text(row.get(key), f"{name}, row {number}, {key}") for key in OWN}
    variables = {key: value for key, value in texts.items() if key not in OWN}
    return TestCase(own["id"].strip() or str(number), variables, own["expected"], own["tests"], own["note"])


def _text(value: object, place: str) -> str:
    """Numbers as they are written, nothing as an empty text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        text = str(value)
        if len(text) > _LONGEST_VALUE:
            raise InputError(f"{place} has {len(text):,} characters", hint=f"The most is {_LONGEST_VALUE:,}.")
        return text
    if value is None:
        return ""
    raise InputError(f"{place} must be a text, not a {'list' if isinstance(value, Sequence) else 'mapping'}")


def _csv(text: str, name: str) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_VALUE * 4)
    lines = text.replace("\x00", "").splitlines(keepends=True)
    header = lines[0] if lines else ""
    reader = csv.reader(lines, delimiter=max(_DELIMITERS, key=header.count))
    try:
        columns = [column.strip() for column in next(reader, [])]
        _check_columns(columns, name)
        for row in reader:
            if any(row):
                yield _csv_row(columns, row, name, reader.line_num)
    except csv.Error as error:
        raise InputError(f"{name} cannot be read from line {reader.line_num} on ({error})", subject=name) from None


def _check_columns(columns: Sequence[str], name: str) -> None:
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        raise InputError(f"{name} has two columns {shown(twice)!r}", subject=twice)
    if not any(columns) or "" in columns:
        hint = "Its first line names the columns: the template's variables, expected, id."
        raise InputError(f"{name} has a column without a name", subject=name, hint=hint)


def _csv_row(columns: Sequence[str], row: Sequence[str], name: str, line: int) -> Row:
    if len(row) > len(columns):
        raise InputError(f"{name}, line {line} has {len(row)} values for {len(columns)} columns", subject=name)
    return dict(zip(columns, [*row, *[""] * (len(columns) - len(row))], strict=True))


def _jsonl(text: str, name: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _loaded(line, f"{name}, line {number}")


def _json(text: str, name: str) -> Iterator[Row]:
    document = _loaded(text, name)
    if not isinstance(document, list):
        raise InputError(f"{name} is no list of cases", subject=name)
    yield from document


def _loaded(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place} is no JSON ({shown(str(error))})") from None


_READERS = {"csv": _csv, "jsonl": _jsonl, "ndjson": _jsonl, "json": _json}
