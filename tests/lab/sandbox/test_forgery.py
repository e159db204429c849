"""A solution that is wrong does not pass, whatever it does to the verdict."""

from __future__ import annotations

import pytest

from core.ports import Sandbox
from tests.lab.sandbox.forgeries import FORGERIES, HONEST, TESTS
from tests.lab.sandbox.outside import Outside

LUCKY = 3
"""Of the ten tests, those that a constant or a TypeError answers rightly."""


def test_the_honest_solution_passes_the_tests_that_forgers_meet(sandbox: Sandbox) -> None:
    result = sandbox.run(HONEST, TESTS, timeout_s=10, memory_mb=128)
    assert [test.message for test in result.tests if not test.passed] == []
    assert result.passed
    assert len(result.tests) == 10


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_does_not_pass(quick: Sandbox, outside: Outside, name: str) -> None:
    result = quick.run(FORGERIES[name], TESTS, timeout_s=10, memory_mb=128)
    assert not result.passed
    assert len(result.tests) == 10
    assert [test.name for test in result.tests if test.passed][LUCKY:] == []
    outside.check(result.stdout, result.stderr)
