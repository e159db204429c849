"""Test sets: cases that experiments run templates on."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from core.errors import InputError, NotFound
from core.ledger.database import Database
from core.ledger.schema import test_cases, test_sets
from core.ledger.statements import put
from core.models import TestCase
from core.ports import Clock

MOST_CASES = 10_000
"""Of one set: an experiment runs each case for every template, model and temperature."""
_LONGEST_NAME = 100
_S, _C = test_sets.c, test_cases.c


@dataclass(frozen=True, slots=True)
class TestSet:
    """A named list of cases."""

    __test__ = False  # no test for pytest

    set_id: str
    name: str
    description: str
    cases: int
    """How many."""
    updated_at: datetime


class TestSetStore:
    """Methods may be called from any thread; all raise LibraryError, and NotFound for an unknown set."""

    __test__ = False

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # ------------------------------------------------------------------------------------------------------ writing

    def create(self, name: str, description: str = "") -> str:
        """An empty set; returns its id. Raises InputError where the name is taken or cannot be."""
        name, set_id, now = _checked_name(name), uuid.uuid4().hex, self._clock()
        row = {"set_id": set_id, "name": name, "description": description.strip()}
        with self._database.write() as connection:
            _check_free(connection, name)
            connection.execute(insert(test_sets), row | {"created_at": now, "updated_at": now})
        return set_id

    def rename(self, set_id: str, name: str, description: str | None = None) -> None:
        """Another name, and another description where one is given. Raises InputError as ``create``."""
        values: dict[str, Any] = {"name": _checked_name(name), "updated_at": self._clock()}
        values |= {} if description is None else {"description": description.strip()}
        with self._database.write() as connection:
            _check_free(connection, values["name"], set_id)
            _change(connection, set_id, values)

    def remove(self, set_id: str) -> None:
        """With its cases; experiments that ran on them keep their results."""
        with self._database.write() as connection:
            if not connection.execute(delete(test_sets).where(_S.set_id == set_id)).rowcount:
                raise _no_set(set_id)

    def put(self, set_id: str, cases: Sequence[TestCase]) -> None:
        """Makes these its cases, in this order. Raises InputError for too many, or an id that stands twice."""
        _check(cases)
        with self._database.write() as connection:
            _change(connection, set_id, {"updated_at": self._clock()})
            connection.execute(delete(test_cases).where(_C.set_id == set_id))
            rows = [case_values(set_id, position, case) for position, case in enumerate(cases)]
            if rows:
                connection.execute(insert(test_cases), rows)

    def add(self, set_id: str, case: TestCase) -> None:
        """Puts a case at the end, or in the place of the one with its id. Raises InputError where the set is full."""
        _check([case])
        with self._database.write() as connection:
            _change(connection, set_id, {"updated_at": self._clock()})
            position = _position(connection, set_id, case.case_id)
            if position >= MOST_CASES:
                raise _too_many(position + 1)
            put(connection, test_cases, [case_values(set_id, position, case)])

    def remove_cases(self, set_id: str, case_ids: Iterable[str]) -> int:
        """Returns how many there were."""
        gone = delete(test_cases).where(_C.set_id == set_id, _C.case_id.in_(list(case_ids)))
        with self._database.write() as connection:
            _change(connection, set_id, {"updated_at": self._clock()})
            return connection.execute(gone).rowcount

    # ------------------------------------------------------------------------------------------------------ reading

    def sets(self) -> list[TestSet]:
        """By name."""
        counted = func.count(_C.case_id).label("cases")
        query = select(test_sets, counted).outerjoin(test_cases, _C.set_id == _S.set_id).group_by(_S.set_id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        found = (TestSet(row.set_id, row.name, row.description, row.cases, row.updated_at) for row in rows)
        return sorted(found, key=lambda test_set: test_set.name.casefold())

    def cases(self, set_id: str) -> list[TestCase]:
        """In their order."""
        query = select(test_cases).where(_C.set_id == set_id).order_by(_C.position)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            if not rows and connection.execute(select(_S.set_id).where(_S.set_id == set_id)).first() is None:
                raise _no_set(set_id)
        return [_case(row) for row in rows]

    def with_trace(self, trace_id: str) -> list[str]:
        """Names of the sets that hold a case of this trace."""
        query = select(_S.name).join(test_cases, _C.set_id == _S.set_id).where(_C.trace_id == trace_id).distinct()
        with self._database.read() as connection:
            return sorted(connection.execute(query).scalars())


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise InputError("The test set has no name", hint="Give it one.")
    if len(name) > _LONGEST_NAME:
        raise InputError(f"The name has {len(name):,} characters", hint=f"The most is {_LONGEST_NAME}.")
    return name


def _check_free(connection: Connection, name: str, own_id: str = "") -> None:
    query = select(_S.set_id).where(_S.name == name, _S.set_id != own_id)
    if connection.execute(query).first() is not None:
        raise InputError(f"There is a test set {name!r} already", subject=name, hint="Choose another name.")


def _check(cases: Sequence[TestCase]) -> None:
    if len(cases) > MOST_CASES:
        raise _too_many(len(cases))
    seen: set[str] = set()
    for case in cases:
        if not case.case_id.strip():
            raise InputError("A case has no id", hint="Give each case an id of its own.")
        if case.case_id in seen:
            raise InputError(f"The id {case.case_id!r} stands twice", subject=case.case_id)
        seen.add(case.case_id)


def _too_many(number: int) -> InputError:
    return InputError(f"A test set of {number:,} cases is too large", hint=f"The most is {MOST_CASES:,}.")


def _no_set(set_id: str) -> NotFound:
    return NotFound("There is no such test set any more", subject=set_id, hint="Choose another one.")


def _change(connection: Connection, set_id: str, values: dict[str, Any]) -> None:
    if not connection.execute(update(test_sets).where(_S.set_id == set_id).values(values)).rowcount:
        raise _no_set(set_id)


def _position(connection: Connection, set_id: str, case_id: str) -> int:
    """Where the case stands, or the end."""
    query = select(_C.position).where(_C.set_id == set_id, _C.case_id == case_id)
    known: int | None = connection.execute(query).scalar_one_or_none()
    if known is not None:
        return known
    last: int | None = connection.execute(select(func.max(_C.position)).where(_C.set_id == set_id)).scalar_one()
    return 0 if last is None else last + 1


def case_values(set_id: str, position: int, case: TestCase) -> dict[str, Any]:
    """The row of a case."""
    row: dict[str, Any] = {"set_id": set_id, "case_id": case.case_id, "position": position}
    row |= {"variables": dict(case.variables), "expected": case.expected, "tests": case.tests}
    return row | {"note": case.note, "trace_id": case.trace_id}


def _case(row: Row[Any]) -> TestCase:
    return TestCase(row.case_id, row.variables, row.expected, row.tests, row.note, row.trace_id)
