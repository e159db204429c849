"""Test sets and their cases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import InputError, NotFound
from core.ledger import Ledger, TestSetStore
from core.ledger.test_sets import MOST_CASES
from core.models import TestCase
from tests.ledger.samples import NASTY, START, Ticking

ONE = TestCase("one", {"question": "What is a vector?", "tone": "dry"}, "A list.", "import unittest", "easy", "trace-1")
TWO = TestCase("two", {"question": "And a matrix?"})


@pytest.fixture
def sets(ledger: Ledger) -> TestSetStore:
    return ledger.test_sets


def test_a_set_is_listed_with_the_number_of_its_cases(sets: TestSetStore, clock: Ticking) -> None:
    set_id = sets.create("  Vectors  and more ", "From a lecture.")
    sets.create("algebra")
    clock.forward(minutes=5)
    sets.put(set_id, [ONE, TWO])
    first, second = sets.sets()
    assert (first.name, first.cases) == ("algebra", 0)
    assert (second.name, second.description, second.cases) == ("Vectors and more", "From a lecture.", 2)
    assert (second.updated_at - START).total_seconds() == 300


def test_cases_read_back_in_their_order(sets: TestSetStore) -> None:
    set_id = sets.create("vectors")
    sets.put(set_id, [TWO, ONE])
    assert sets.cases(set_id) == [TWO, ONE]
    sets.put(set_id, [ONE])
    assert sets.cases(set_id) == [ONE]
    sets.put(set_id, [])
    assert sets.cases(set_id) == []


def test_texts_without_meaning_are_kept(sets: TestSetStore) -> None:
    set_id = sets.create("nasty")
    sets.put(set_id, [TestCase("1", {"question": NASTY}, NASTY)])
    (found,) = sets.cases(set_id)
    assert found.variables["question"].endswith("%_\\")


def test_a_case_is_added_at_the_end_or_in_its_place(sets: TestSetStore) -> None:
    set_id = sets.create("vectors")
    sets.add(set_id, ONE)
    sets.add(set_id, TWO)
    better = replace(ONE, expected="An arrow.")
    sets.add(set_id, better)
    assert sets.cases(set_id) == [better, TWO]


def test_cases_are_taken_out_by_their_ids(sets: TestSetStore) -> None:
    set_id = sets.create("vectors")
    sets.put(set_id, [ONE, TWO])
    assert sets.remove_cases(set_id, ["one", "nope"]) == 1
    assert sets.cases(set_id) == [TWO]
    sets.add(set_id, ONE)
    assert sets.cases(set_id) == [TWO, ONE]


def test_a_name_is_taken_once(sets: TestSetStore) -> None:
    first, second = sets.create("vectors"), sets.create("algebra")
    for act in (lambda: sets.create(" vectors "), lambda: sets.rename(second, "vectors")):
        with pytest.raises(InputError, match="There is a test set 'vectors' already"):
            act()
    sets.rename(first, "vectors", "Described.")
    assert {found.name: found.description for found in sets.sets()} == {"vectors": "Described.", "algebra": ""}


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_a_name_that_cannot_be_is_said(sets: TestSetStore, name: str) -> None:
    with pytest.raises(InputError, match="name"):
        sets.create(name)


def test_a_removed_set_is_gone_with_its_cases(sets: TestSetStore) -> None:
    set_id = sets.create("vectors")
    sets.put(set_id, [ONE])
    sets.remove(set_id)
    assert sets.sets() == []
    for act in (
        lambda: sets.remove(set_id), lambda: sets.cases(set_id), lambda: sets.put(set_id, [ONE]),
        lambda: sets.add(set_id, ONE), lambda: sets.rename(set_id, "other"), lambda: sets.remove_cases(set_id, ["one"]),
    ):  # fmt: skip
        with pytest.raises(NotFound, match="no such test set"):
            act()
    assert sets.with_trace("trace-1") == []


def test_wrong_cases_leave_the_set_as_it_was(sets: TestSetStore) -> None:
    set_id = sets.create("vectors")
    sets.put(set_id, [ONE])
    many = [TestCase(str(n), {}) for n in range(MOST_CASES + 1)]
    for cases, message in (([TWO, TWO], "'two' stands twice"), (many, "10,001 cases"), ([TestCase(" ", {})], "no id")):
        with pytest.raises(InputError, match=message):
            sets.put(set_id, cases)
    assert sets.cases(set_id) == [ONE]


def test_a_full_set_takes_no_further_case(sets: TestSetStore) -> None:
    set_id = sets.create("full")
    sets.put(set_id, [TestCase(str(n), {}) for n in range(MOST_CASES)])
    with pytest.raises(InputError, match="10,001 cases"):
        sets.add(set_id, ONE)
    sets.add(set_id, TestCase("5", {"question": "changed"}))
    assert sets.cases(set_id)[5].variables == {"question": "changed"}


def test_the_sets_that_hold_a_trace_are_named(sets: TestSetStore) -> None:
    for name in ("b", "a", "c"):
        set_id = sets.create(name)
        sets.put(set_id, [ONE] if name != "c" else [TWO])
    assert sets.with_trace("trace-1") == ["a", "b"]
