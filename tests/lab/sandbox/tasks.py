"""Everyday Python with its tests: what may cross between a test and a solution."""

PNG = """
import struct
import zlib


def png(rows):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)
    lines = b"".join(b"\\0" + bytes(part for pixel in row for part in pixel) for row in rows)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\\x89PNG\\r\\n\\x1a\\n" + data
"""
PNG_TESTS = """
import struct
import unittest
import zlib

from solution import png


class TestPng(unittest.TestCase):
    def test_it_has_the_pixels(self):
        colours = [(255, 0, 0), (0, 128, 0), (0, 0, 255)]
        rows = [[colours[(x + y) % 3] for x in range(200)] for y in range(100)]
        data = png(rows)
        self.assertEqual(struct.unpack(">II", data[16:24]), (200, 100))
        length = struct.unpack(">I", data[33:37])[0]
        lines = zlib.decompress(data[41 : 41 + length])
        self.assertEqual([list(lines[1 + 3 * x : 4 + 3 * x]) for x in range(200)], [list(pixel) for pixel in rows[0]])
"""

EVERYDAY = """
import dataclasses
import enum
import functools
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

Point = namedtuple("Point", "x y")
counter = 0


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Stack(list):
    def push(self, item):
        self.append(item)


@dataclasses.dataclass(frozen=True, order=True)
class Version:
    major: int
    minor: int = 0


class Vector:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __mul__(self, factor):
        return Vector(self.x * factor, self.y * factor)

    __rmul__ = __mul__

    def __eq__(self, other):
        return isinstance(other, Vector) and (self.x, self.y) == (other.x, other.y)

    def __abs__(self):
        return (self.x**2 + self.y**2) ** 0.5

    def __len__(self):
        return 2

    def __getitem__(self, place):
        return (self.x, self.y)[place]

    @property
    def length(self):
        return abs(self)

    @classmethod
    def zero(cls):
        return cls(0, 0)


class NotationError(ValueError):
    def __init__(self, message, position):
        super().__init__(message)
        self.position = position

    def __str__(self):
        return f"{self.args[0]} at {self.position}"


class Account:
    def __enter__(self):
        self.open = True
        return self

    def __exit__(self, kind, error, trace):
        self.open = False
        return kind is not None


class Shape:
    def area(self):
        raise NotImplementedError


class Square(Shape):
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side**2


@functools.lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def sort_in_place(items): items.sort()
def rotate(grid): grid[:] = [list(row) for row in zip(*grid[::-1])]
def tally(words, counts, seen):
    for word in words:
        counts[word] = counts.get(word, 0) + 1
        seen.add(word)
def apply(function, *values): return [function(value) for value in values]
def count_up():
    global counter
    counter += 1
    return counter
def squares(n):
    for i in range(n):
        yield i * i
def greet(name): print(f"Hello {name}")
def adder(n): return lambda x: x + n
def same(value): return value
def refuse(text): raise NotationError("a bracket is missing", len(text))
def shared(): return [[0] * 2] * 3
def swap(grid): grid[0], grid[1] = grid[1], grid[0]
def add_itself(items): items.append(items)
def deep(n):
    items = []
    for _ in range(n):
        items = [items]
    return items
def found(error_type): return isinstance(error_type("x"), ValueError)
def letters(text): return Counter(text)
def grouped(words):
    groups = defaultdict(list)
    for word in words:
        groups[word[0]].append(word)
    return groups
def ordered(): return OrderedDict(b=1, a=2)
def queue(): return deque([1, 2])
def half(): return Fraction(1, 2), Decimal("0.50"), date(2024, 2, 29) + timedelta(days=1)
"""
EVERYDAY_TESTS = """
import contextlib
import io
import math
import unittest
from collections import OrderedDict, deque
from datetime import date
from decimal import Decimal
from fractions import Fraction
from unittest import mock

import solution
from solution import *


class TestEveryday(unittest.TestCase):
    def test_values_come_back_as_they_are(self):
        values = [
            None, True, -3, 2**200, 1.5, float("inf"), "é😀\\ud800", b"\\0\\xff", bytearray(b"x"), (1, (2,)), [[]],
            {1: {"a": {2}}, (1, 2): None}, {1, "b"}, frozenset({1}), range(3), 1 + 2j, deque([1]), date(2024, 2, 29),
        ]
        for value in values:
            with self.subTest(value):
                self.assertEqual(same(value), value)
                self.assertIs(type(same(value)), type(value))
        self.assertTrue(math.isnan(same(float("nan"))))

    def test_arguments_are_changed_in_place(self):
        items, grid, counts, seen = [3, 1, 2], [[1, 2], [3, 4]], {}, set()
        sort_in_place(items)
        rotate(grid)
        tally(["a", "b", "a"], counts, seen)
        self.assertEqual((items, grid, counts, seen), ([1, 2, 3], [[3, 1], [4, 2]], {"a": 2, "b": 1}, {"a", "b"}))

    def test_two_names_for_one_list_stay_two_names_for_one_list(self):
        rows = shared()
        rows[0][0] = 1
        self.assertEqual(rows, [[1, 0]] * 3)
        items = [1]
        self.assertIs(same(items), items)
        self.assertIs(same([items])[0], items)
        first, second = grid = [[1], [2]]
        swap(grid)
        self.assertIs(grid[0], second)
        self.assertIs(grid[1], first)
        add_itself(items)
        self.assertIs(items[1], items)
        self.assertEqual(str(deep(50)), "[" * 51 + "]" * 51)
        deep(5000)

    def test_failures_keep_their_class_text_and_attributes(self):
        with self.assertRaises(NotationError) as caught:
            refuse("2 + (")
        self.assertEqual(caught.exception.position, 5)
        self.assertEqual(str(caught.exception), "a bracket is missing at 5")
        self.assertEqual(caught.exception.args, ("a bracket is missing",))
        with self.assertRaises(ValueError):
            refuse("(")
        self.assertTrue(found(ValueError))
        self.assertTrue(issubclass(NotationError, ValueError))

    def test_functions_cross_both_ways(self):
        self.assertEqual(apply(lambda x: x * 2, 1, 2), [2, 4])
        self.assertEqual(apply(str, 1, 2), ["1", "2"])
        self.assertEqual(adder(2)(3), 5)
        self.assertEqual(apply(adder(1), 1), [2])
        self.assertEqual(apply(lambda x: same(x) + 1, 1), [2])

    def test_failures_of_a_given_function_come_back(self):
        def refuse(value):
            raise LookupError("no")

        with self.assertRaisesRegex(LookupError, "no"):
            apply(refuse, 1)

    def test_globals_are_live(self):
        solution.counter = 5
        self.assertEqual(count_up(), 6)
        self.assertEqual(solution.counter, 6)
        with mock.patch.object(solution, "same", return_value=9):
            self.assertEqual(solution.same(1), 9)
        self.assertEqual(solution.same(1), 1)

    def test_printing_can_be_caught(self):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            greet("Ana")
        self.assertEqual(out.getvalue(), "Hello Ana\\n")

    def test_generators(self):
        self.assertEqual(list(squares(4)), [0, 1, 4, 9])
        numbers = squares(2)
        self.assertEqual([next(numbers), next(numbers)], [0, 1])
        with self.assertRaises(StopIteration):
            next(numbers)
        self.assertIn(9, squares(5))

    def test_collections(self):
        self.assertEqual(letters("aab"), {"a": 2, "b": 1})
        self.assertEqual(grouped(["ab", "ac", "b"]), {"a": ["ab", "ac"], "b": ["b"]})
        self.assertEqual(list(ordered()), ["b", "a"])
        self.assertEqual(queue(), deque([1, 2]))
        self.assertEqual(half(), (Fraction(1, 2), Decimal("0.5"), date(2024, 3, 1)))

    def test_named_tuples_and_enumerations(self):
        point = same(Point(1, 2))
        self.assertEqual(point, (1, 2))
        self.assertEqual((point.x, point[1]), (1, 2))
        self.assertIs(Colour.RED, Colour(1))
        self.assertEqual([colour.name for colour in Colour], ["RED", "BLUE"])
        self.assertEqual(Colour["BLUE"].value, 2)
        self.assertEqual(Level.HIGH, 2)
        self.assertGreater(Level.HIGH, Level.LOW)
        self.assertEqual(Level.HIGH.name, "HIGH")

    def test_objects(self):
        stack = Stack([1])
        stack.push(2)
        self.assertEqual(stack, [1, 2])
        self.assertEqual((len(stack), stack[1]), (2, 2))
        self.assertEqual(Version(1), Version(1, 0))
        self.assertLess(Version(1), Version(2))
        self.assertEqual({Version(1), Version(1)}, {Version(1)})
        self.assertEqual(repr(Version(1)), "Version(major=1, minor=0)")
        with self.assertRaises(AttributeError):
            Version(1).major = 2
        self.assertIsInstance(Square(2), Shape)
        self.assertEqual(Square(3).area(), 9)
        with self.assertRaises(NotImplementedError):
            Shape().area()
        with self.assertRaises(AttributeError):
            Square(1).colour
        self.assertFalse(hasattr(Square(1), "colour"))

    def test_operators(self):
        self.assertEqual(Vector(1, 2) + Vector(3, 4), Vector(4, 6))
        self.assertEqual((Vector(1, 2) * 3).x, 3)
        self.assertEqual(2 * Vector(1, 1), Vector(2, 2))
        self.assertNotEqual(Vector(1, 2), Vector(2, 1))
        self.assertEqual(abs(Vector(3, 4)), Vector(3, 4).length)
        self.assertEqual(len(Vector.zero()), 2)
        self.assertEqual(list(Vector(7, 8)[i] for i in range(2)), [7, 8])

    def test_with_blocks(self):
        with Account() as account:
            self.assertTrue(account.open)
        self.assertFalse(account.open)
        with Account():
            raise ValueError("kept inside")

    def test_recursion(self):
        self.assertEqual(fib(90), 2880067194370816120)
"""
