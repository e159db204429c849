"""Three code tasks with unit tests, and two templates for them: does a model write better code when it sees the tests?

A test set, two templates and a spec, ready to run at the temperatures 0, 0.5, 1.0 and 1.5. The tests need nothing but
the standard library and import the code as ``solution``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.models import TestCase
from core.prompts import PromptTemplate

TEST_SET = "code-tasks"
DESCRIPTION = (
    "Three programming tasks with unit tests: an image in three colours, an expression evaluator, merging lists."
)

_SYSTEM = """\
You write Python 3.11. Use the standard library only. Reply with one complete module in a single Python code block and \
nothing else: no explanation, no example of its use, no tests."""

WITHOUT_TESTS = PromptTemplate(name="code-without-tests", version=1, system=_SYSTEM, user="{task}")

WITH_TESTS = PromptTemplate(
    name="code-with-tests",
    version=1,
    system=_SYSTEM,
    user="""\
{task}

Your module is saved as solution.py and must pass these unit tests:

{tests}""",
)

_IMAGE = """\
Write a function make_image(width, height) that makes an image in exactly three random colours. It returns a list of \
height rows; each row is a list of width pixels; each pixel is a tuple (red, green, blue) of whole numbers from 0 to \
255. Every pixel has one of the three colours, each colour is used at least once, and each call draws new colours. \
An image of fewer than three pixels, or a width or height below 1, is a ValueError."""

_IMAGE_TESTS = """\
import unittest

from solution import make_image


def colours(image):
    return {pixel for row in image for pixel in row}


class TestMakeImage(unittest.TestCase):
    def test_it_has_the_size_that_was_asked_for(self):
        for width, height in ((3, 1), (1, 3), (2, 2), (16, 9), (40, 25)):
            image = make_image(width, height)
            self.assertEqual(len(image), height)
            self.assertEqual({len(row) for row in image}, {width})

    def test_it_has_exactly_three_colours(self):
        for width, height in ((3, 1), (1, 3), (2, 2), (5, 4), (30, 20)):
            for _ in range(20):
                self.assertEqual(len(colours(make_image(width, height))), 3)

    def test_a_pixel_is_red_green_and_blue_from_0_to_255(self):
        for pixel in colours(make_image(20, 20)):
            self.assertIsInstance(pixel, tuple)
            self.assertEqual(len(pixel), 3)
            for part in pixel:
                self.assertIs(type(part), int)
                self.assertTrue(0 <= part <= 255)

    def test_the_colours_are_random(self):
        seen = {frozenset(colours(make_image(4, 4))) for _ in range(10)}
        self.assertGreater(len(seen), 5)

    def test_the_rows_are_independent(self):
        image = make_image(3, 3)
        image[0][0] = (1, 2, 3)
        image[0][1] = (4, 5, 6)
        self.assertNotEqual(image[1][:2], [(1, 2, 3), (4, 5, 6)])

    def test_what_cannot_hold_three_colours_is_refused(self):
        for width, height in ((0, 5), (5, 0), (-1, 3), (1, 1), (2, 1)):
            with self.assertRaises(ValueError):
                make_image(width, height)
"""

_EVALUATOR = """\
Write a function evaluate(expression) that computes the value of an arithmetic expression given as a string and \
returns a float. It knows decimal numbers such as 2, 0.5 and .5, the operators + - * / with the usual precedence and \
from left to right, unary plus and minus, also several of them, parentheses, and spaces anywhere between these. \
Division by zero is a ZeroDivisionError. Anything else, an empty string too, is a ValueError. Do not use eval, exec, \
compile or ast."""

_EVALUATOR_TESTS = """\
import unittest

from solution import evaluate


class TestEvaluate(unittest.TestCase):
    def check(self, expected, *expressions):
        for expression in expressions:
            with self.subTest(expression):
                self.assertAlmostEqual(evaluate(expression), expected)

    def test_a_number_is_its_value(self):
        self.check(42, "42", " 42 ", "(42)", "((42))", "42.0")
        self.check(0.5, "0.5", ".5")
        self.assertIsInstance(evaluate("1"), float)

    def test_products_bind_more_tightly_than_sums(self):
        self.check(14, "2+3*4", "2 + 3 * 4", "3*4+2")
        self.check(20, "(2+3)*4", "4*(2+3)")
        self.check(7, "1+2*3", "10-6/2")

    def test_it_goes_from_left_to_right(self):
        self.check(5, "10-3-2")
        self.check(2, "16/4/2")
        self.check(9, "6/2*3")

    def test_signs_may_stand_before_any_operand(self):
        self.check(-3, "-3", "- 3", "+-3", "---3")
        self.check(5, "2--3", "2+-(-3)", "--5")
        self.check(-6, "2*-3", "-2*3", "-(2*3)")

    def test_parentheses_nest(self):
        self.check(11, "1+(2*(3+(4-2)))", "((1))+((2))*(((5)))")
        self.check(1, "(" * 50 + "1" + ")" * 50)

    def test_division_gives_fractions(self):
        self.check(0.75, "3/4", "1.5/2")

    def test_a_long_sum(self):
        self.check(500, "+".join(["1"] * 500))

    def test_division_by_zero_is_an_error(self):
        for expression in ("1/0", "1/(2-2)"):
            with self.assertRaises(ZeroDivisionError):
                evaluate(expression)

    def test_what_is_no_expression_is_refused(self):
        wrong = ("", " ", "1+", "*2", "(1", "1)", "()", "1 2", "2(3)", "1..2", "abc", "1+a", "2**3", "7//2", "1e5x")
        for expression in (*wrong, "__import__('os').getcwd()", "[1]", "1;2", "."):
            with self.subTest(expression), self.assertRaises(ValueError):
                evaluate(expression)
"""

_MERGE = """\
Write a class ListNode with the attributes val and next, made by ListNode(val=0, next=None), and a function \
merge_k_lists(lists). It takes a list of linked lists, each sorted in ascending order, where an empty list is None, \
and returns the head of one sorted linked list of all their nodes, or None where there are none. It reuses the \
nodes. With k lists of n nodes in all it takes O(n log k) steps."""

_MERGE_TESTS = """\
import unittest

from solution import ListNode, merge_k_lists


def linked(values):
    head = None
    for value in reversed(values):
        head = ListNode(value, head)
    return head


def values_of(head):
    values = []
    while head is not None:
        values.append(head.val)
        head = head.next
        if len(values) > 10_000:
            raise AssertionError("the list never ends")
    return values


class TestMergeKLists(unittest.TestCase):
    def merged(self, *lists):
        return values_of(merge_k_lists([linked(values) for values in lists]))

    def test_a_node_has_a_value_and_a_successor(self):
        node = ListNode()
        self.assertEqual((node.val, node.next), (0, None))
        self.assertEqual(ListNode(7, node).next.val, 0)

    def test_three_lists_become_one(self):
        self.assertEqual(self.merged([1, 4, 5], [1, 3, 4], [2, 6]), [1, 1, 2, 3, 4, 4, 5, 6])

    def test_nothing_merges_to_nothing(self):
        self.assertIsNone(merge_k_lists([]))
        self.assertIsNone(merge_k_lists([None]))
        self.assertIsNone(merge_k_lists([None, None]))

    def test_empty_lists_are_left_out(self):
        self.assertEqual(self.merged([], [1], [], [0, 2], []), [0, 1, 2])

    def test_one_list_stays_as_it_is(self):
        self.assertEqual(self.merged([3, 3, 9]), [3, 3, 9])

    def test_negative_and_equal_values(self):
        self.assertEqual(self.merged([-5, 0], [-5, -5], [0, 0]), [-5, -5, -5, 0, 0, 0])

    def test_lists_of_very_different_length(self):
        self.assertEqual(self.merged([50], list(range(100))), sorted([50, *range(100)]))

    def test_many_lists(self):
        lists = [[n, n + 40, n + 80] for n in range(40)]
        self.assertEqual(self.merged(*lists), list(range(120)))

    def test_the_nodes_are_reused(self):
        first, second = linked([2]), linked([1])
        merged = merge_k_lists([first, second])
        self.assertIs(merged, second)
        self.assertIs(merged.next, first)
"""


def _case(case_id: str, task: str, tests: str, note: str) -> TestCase:
    return TestCase(case_id, {"task": task, "tests": tests}, tests=tests, note=note)


CASES: Sequence[TestCase] = (
    _case("image", _IMAGE, _IMAGE_TESTS, "An image of a given size in three random colours"),
    _case("evaluator", _EVALUATOR, _EVALUATOR_TESTS, "An evaluator of arithmetic expressions"),
    _case("merge-lists", _MERGE, _MERGE_TESTS, "Merging k sorted linked lists"),
)

TEMPLATES: Mapping[str, PromptTemplate] = {template.name: template for template in (WITHOUT_TESTS, WITH_TESTS)}


def spec(*models: str, repeats: int = 5) -> dict[str, Any]:
    """The experiment; without models it asks the default one. Three cases decide little without repeats."""
    return {
        "name": "Code with and without tests",
        "templates": [WITHOUT_TESTS.name, WITH_TESTS.name],
        "models": list(models),
        "temperatures": [0.0, 0.5, 1.0, 1.5],
        "repeats": repeats,
        "test_set": TEST_SET,
        "scorers": ["unit_tests", "latency"],
        "baseline": {"template": WITHOUT_TESTS.name, "temperature": 0.0},
    }
