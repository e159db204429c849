"""The three code tasks: right solutions pass every test, wrong ones fail the test that is made for them."""

from __future__ import annotations

import io
import sys
import unittest
from types import ModuleType

import pytest

from core.lab.book_tasks import CASES, TEMPLATES, WITH_TESTS, WITHOUT_TESTS, spec
from core.lab.plan import rendered
from core.lab.spec import spec_of
from tests.lab.solutions import RIGHT, WRONG

TESTS = {case.case_id: case.tests for case in CASES}


def failures(task: str, code: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the tests that our own code does not pass, in this process."""
    solution, tests = ModuleType("solution"), ModuleType("tests_of_task")
    exec(code, vars(solution))
    monkeypatch.setitem(sys.modules, "solution", solution)
    exec(TESTS[task], vars(tests))
    suite = unittest.TestLoader().loadTestsFromModule(tests)
    result = unittest.TextTestRunner(io.StringIO()).run(suite)
    assert result.testsRun == suite.countTestCases()
    failed = [test for test, _ in (*result.failures, *result.errors)]
    return {(getattr(test, "test_case", test)).id().rpartition(".")[2] for test in failed}


@pytest.mark.parametrize("task", sorted(RIGHT))
def test_a_right_solution_passes_every_test(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert failures(task, RIGHT[task], monkeypatch) == set()


@pytest.mark.parametrize(("task", "code", "test"), WRONG)
def test_a_wrong_solution_fails_the_test_that_is_made_for_it(
    task: str, code: str, test: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert code != RIGHT[task]
    assert test in failures(task, code, monkeypatch)


def test_only_one_of_the_templates_shows_the_tests() -> None:
    for case in CASES:
        without, with_tests = (rendered(template, case)[-1]["content"] for template in (WITHOUT_TESTS, WITH_TESTS))
        assert without == case.variables["task"]
        assert case.tests in with_tests
        assert without in with_tests


def test_the_spec_is_the_grid_of_the_book() -> None:
    checked = spec_of(spec("model-a"))
    assert [entry.name for entry in checked.templates] == list(TEMPLATES)
    assert checked.temperatures == [0.0, 0.5, 1.0, 1.5]
    assert {scorer.type for scorer in checked.scorers} >= {"unit_tests"}
