"""Honest programs pass or fail as they do anywhere else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from core.errors import InputError
from core.lab.book_tasks import CASES
from core.models import SandboxResult
from core.ports import Sandbox
from tests.lab.sandbox import tasks
from tests.lab.solutions import RIGHT, WRONG

ADD_TESTS = """
import unittest
from solution import add

class TestAdd(unittest.TestCase):
    def test_ints(self):
        self.assertEqual(add(2, 2), 4)

    def test_texts(self):
        self.assertEqual(add("a", "b"), "ab")
"""
ADD = "def add(a, b):\n    return a + b\n"


def run(sandbox: Sandbox, code: str, tests: str = ADD_TESTS, timeout_s: float = 30) -> SandboxResult:
    return sandbox.run(code, tests, timeout_s=timeout_s, memory_mb=256)


def one_test(line: str) -> str:
    return f"import unittest, solution\nclass T(unittest.TestCase):\n def test_it(self): {line}"


def failures(result: SandboxResult) -> dict[str, str]:
    return {test.name.partition(".")[2]: test.message for test in result.tests if not test.passed}


RIGHT_ONES = {case.case_id: (RIGHT[case.case_id], case.tests) for case in CASES} | {
    "png": (tasks.PNG, tasks.PNG_TESTS),
    "everyday": (tasks.EVERYDAY, tasks.EVERYDAY_TESTS),
}


@pytest.mark.parametrize("task", RIGHT_ONES)
def test_a_right_solution_passes(sandbox: Sandbox, task: str) -> None:
    result = run(sandbox, *RIGHT_ONES[task])
    assert failures(result) == {}
    assert result.passed
    assert (result.limit, result.exit_code, result.stderr) == (None, None, "")
    assert result.duration_ms > 0


@pytest.mark.parametrize(("task", "code", "failed"), WRONG)
def test_a_wrong_solution_fails_where_it_is_wrong(quick: Sandbox, task: str, code: str, failed: str) -> None:
    result = run(quick, code, RIGHT_ONES[task][1], timeout_s=6)
    assert not result.passed
    assert failed in failures(result)
    assert len(failures(result)) < len(result.tests)


def test_a_failure_is_explained_with_the_line_of_the_solution(quick: Sandbox) -> None:
    result = run(quick, "def add(a, b):\n    if isinstance(a, str):\n        return a + 1\n    return a * b + 1\n")
    assert failures(result)["test_ints"] == "5 != 4"
    assert failures(result)["test_texts"].startswith("TypeError: can only concatenate str")
    assert failures(result)["test_texts"].endswith("(solution.py, line 3, in add)")


@pytest.mark.parametrize(("code", "message"), [
    ("def add(a, b)\n    return a", "SyntaxError: expected ':' (solution.py, line 1)"),
    ("def plus(a, b):\n    return a + b", "ImportError: cannot import name 'add' from 'solution' (unknown location)"),
    ("import numpy as np", "ModuleNotFoundError: No module named 'numpy' (solution.py, line 1, in <module>)"),
    ("1 / 0", "ZeroDivisionError: division by zero (solution.py, line 1, in <module>)"),
    ("", "ImportError: cannot import name 'add' from 'solution' (unknown location)"),
])  # fmt: skip
def test_a_solution_that_cannot_be_loaded_fails_every_test(quick: Sandbox, code: str, message: str) -> None:
    result = run(quick, code)
    assert not result.passed
    assert failures(result) == {"test_ints": message, "test_texts": message}


@pytest.mark.parametrize("code", ["def add(a, b):\0 return a", "x = '\ud800'\n" + ADD])
def test_text_that_is_no_program_fails(sandbox: Sandbox, code: str) -> None:
    result = run(sandbox, code)
    assert not result.passed
    assert len(failures(result)) == 2


def test_output_is_kept_and_cut(sandbox: Sandbox) -> None:
    code = f"{ADD}\nimport sys\nprint('loaded', '😀')\nprint('complaint', file=sys.stderr)\nprint('x' * 50_000)"
    result = run(sandbox, code)
    assert result.passed
    assert result.stdout.startswith("loaded 😀\nxxx")
    assert result.stdout.endswith("more characters")
    assert len(result.stdout) < 21_000
    assert "complaint" in result.stderr


def test_a_process_that_ends_gives_its_exit_code(sandbox: Sandbox) -> None:
    result = run(sandbox, "import os\ndef add(a, b):\n    os._exit(7) if a == 'a' else None\n    return a + b")
    assert failures(result) == {"test_texts": "the process of the solution has ended"}
    assert result.exit_code == 7


def test_tests_before_the_time_limit_keep_their_verdict(sandbox: Sandbox) -> None:
    result = run(sandbox, "def add(a, b):\n    while a == 'a': pass\n    return a + b", timeout_s=3)
    assert result.limit == "time"
    assert not result.passed
    assert failures(result) == {"test_texts": "not finished within the time limit"}


def test_the_solution_cannot_read_the_tests(sandbox: Sandbox) -> None:
    code = "import sys\ndef add(a, b): return sys.modules.get('tests') or [m for m in sys.modules if 'tests' in m]"
    tests = one_test("self.assertEqual(solution.add(1, 2), [])")
    assert run(sandbox, code, tests).passed


def test_what_cannot_cross_is_named(quick: Sandbox) -> None:
    tests = (
        "import unittest, solution, threading\nclass T(unittest.TestCase):\n"
        " def test_lock(self): solution.add(threading.Lock(), 1)\n"
        " def test_subclass(self):\n  class Mine(solution.Base): pass\n"
    )
    result = run(quick, ADD + "class Base: pass", tests)
    assert "plain values, functions and objects of the solution, not lock" in failures(result)["test_lock"]
    assert failures(result)["test_subclass"] == "TypeError: the tests cannot derive a class from one of the solution"


def test_a_skipped_test_has_not_passed(quick: Sandbox) -> None:
    tests = ADD_TESTS + "\n    @unittest.skip('later')\n    def test_later(self): pass\n"
    assert failures(run(quick, ADD, tests)) == {"test_later": "skipped: later"}


def test_inherited_and_made_tests_count(quick: Sandbox) -> None:
    tests = (
        ADD_TESTS + "\nclass TestAgain(TestAdd): pass\n"
        "setattr(TestAgain, 'test_made', lambda self: self.assertEqual(add(1, 1), 3))\n"
    )
    result = run(quick, ADD, tests)
    assert {test.name: test.passed for test in result.tests} == {
        "TestAdd.test_ints": True, "TestAdd.test_texts": True,
        "TestAgain.test_ints": True, "TestAgain.test_texts": True, "TestAgain.test_made": False,
    }  # fmt: skip


@pytest.mark.parametrize(("tests", "message"), [
    ("def test(:", "The test module is not valid Python in line 1: invalid syntax"),
    ("x = '\0'", "The test module is not valid Python"),
    ("import unittest", "The test module holds no test"),
    ("import unittest, pandas", "The tests cannot be loaded: ModuleNotFoundError: No module named 'pandas'"),
    ("import solution, pandas", "The tests cannot be loaded: ModuleNotFoundError: No module named 'pandas'"),
    ("(" * 5000, "The test module is not valid Python"),
    ("# " + "x" * 1_000_001, "The test module is longer than 1,000,000 characters"),
])  # fmt: skip
def test_tests_that_cannot_be_run_are_refused(quick: Sandbox, tests: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        run(quick, ADD, tests)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("timeout_s", "memory_mb"), [(0, 128), (-1, 128), (601, 128), (float("nan"), 128), (1, 8), (1, 9999)]
)
def test_limits_out_of_range_are_refused(quick: Sandbox, timeout_s: float, memory_mb: int) -> None:
    with pytest.raises(InputError, match="limit must be"):
        quick.run(ADD, ADD_TESTS, timeout_s=timeout_s, memory_mb=memory_mb)


def test_runs_at_the_same_time_do_not_mix(sandbox: Sandbox) -> None:
    def one(n: int) -> bool:
        return run(sandbox, f"def n(): return {n}", one_test(f"self.assertEqual(solution.n(), {n})")).passed

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(one, range(8)))
