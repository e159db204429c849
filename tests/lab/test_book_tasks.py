"""The three code tasks: right solutions pass every test, wrong ones fail the test that is made for them."""

from __future__ import annotations

import io
import sys
import unittest
from pathlib import Path
from types import ModuleType

import pytest

from core.adapters.bubblewrap import BubblewrapJail
from core.errors import SandboxUnavailable
from core.lab.book_tasks import CASES, TEMPLATES, WITH_TESTS, WITHOUT_TESTS, spec
from core.lab.chats import LabModels
from core.lab.plan import rendered
from core.lab.scorers import Tools
from core.lab.service import Lab
from core.lab.shipped import LedgerCases, LedgerTemplates
from core.lab.spec import spec_of
from core.lab.wiring import LateSandbox
from tests.fakes.lab import SERVER, LabChat, ledger_in, per_token
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


@pytest.fixture(scope="module")
def sandbox() -> LateSandbox:
    found = LateSandbox([BubblewrapJail.open])
    try:
        found()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    return found


def answer(text: str, _temperature: float) -> str:
    """Right where the tests are shown, else with a mistake; as models write it."""
    task = next(case.case_id for case in CASES if case.variables["task"] in text)
    wrong = next(code for name, code, _ in WRONG if name == task)
    code = RIGHT[task] if "must pass these unit tests" in text else wrong
    return f"Here is the module:\n\n```python\n{code}```\n"


def test_the_experiment_runs_generated_code_in_the_sandbox(tmp_path: Path, sandbox: LateSandbox) -> None:
    ledger = ledger_in(tmp_path)
    lab = Lab(
        ledger,
        LabModels(LabChat(answer), None, SERVER),
        templates=LedgerTemplates(None),
        cases=LedgerCases(None),
        tools=Tools(sandbox=sandbox),
        cost_of=per_token,
    )
    experiment_id = lab.start(lab.plan({**spec(repeats=1), "temperatures": [0.0]}))
    assert lab.wait(experiment_id, 60)
    runs = lab.runs(experiment_id)
    assert {(run.template, run.passed) for run in runs} == {("code-without-tests", False), ("code-with-tests", True)}
    assert {run.scores["unit_tests"].value for run in runs if run.passed} == {1.0}
    assert all("of" in run.scores["unit_tests"].reason for run in runs)
    lab.close()
    ledger.close()
