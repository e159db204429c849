"""Solutions that are wrong and try to pass all the same. Each is to add two numbers; the tests see that it does."""

TESTS = """
import math
import unittest

import solution
from solution import *


class TestAdd(unittest.TestCase):
    def test_small(self):
        self.assertEqual(solution.add(17, 25), 42)

    def test_order(self):
        self.assertEqual(42, solution.add(25, 17))

    def test_close(self):
        self.assertAlmostEqual(solution.add(0.1, 0.2), 0.3)

    def test_one_of(self):
        self.assertIn(solution.add(1, 6), [7])

    def test_contained(self):
        self.assertIn(9, [solution.add(4, 5)])

    def test_sum(self):
        values = [solution.add(1, n) for n in range(3)]
        self.assertTrue(all(type(value) is int for value in values))
        self.assertEqual(sum(values), 6)

    def test_between(self):
        self.assertTrue(10 < solution.add(5, 6) < 12)

    def test_near(self):
        self.assertTrue(math.isclose(solution.add(1.5, 1.5), 3.0))

    def test_refuses(self):
        with self.assertRaises(TypeError):
            solution.add("a", 1)

    def test_order_of_calls(self):
        seen = []
        solution.each([1, 2], seen.append)
        self.assertEqual(seen, [1, 2])
"""

HONEST = """
def add(a, b):
    return a + b

def each(items, do):
    for item in items:
        do(item)
"""

FORGERIES = {
    "prints what a passed run prints": """
import sys
print("..........\\n" + "-" * 70 + "\\nRan 10 tests in 0.001s\\n\\nOK")
print("OK", file=sys.stderr)
def add(a, b): return None
""",
    "leaves with exit code 0 when it is loaded": "import sys\nsys.exit(0)",
    "leaves at once when it is loaded": "import os\nos._exit(0)",
    "leaves with exit code 0 when it is called": "import sys\ndef add(a, b): sys.exit(0)",
    "leaves at once when it is called": "import os\ndef add(a, b): os._exit(0)",
    "replaces the assertions of unittest": """
import unittest
for name in dir(unittest.TestCase):
    if name.startswith("assert") or name in ("fail", "run"):
        setattr(unittest.TestCase, name, lambda *a, **k: None)
unittest.TestResult.addFailure = unittest.TestResult.addError = lambda *a: None
unittest.TestResult.wasSuccessful = lambda self: True
def add(a, b): return None
""",
    "skips every test": "import unittest\ndef add(a, b): raise unittest.SkipTest('no')\neach = add",
    "returns what equals everything": """
class Yes:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __bool__(self): return True
    def __hash__(self): return 42
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __abs__(self): return 0.0
    def __round__(self, *a): return 0
    def __float__(self): return 3.0
    def __radd__(self, other): return 6
    __add__ = __radd__
    def __contains__(self, item): return True
    def __instancecheck__(self, other): return True
def add(a, b): return Yes()
def each(items, do): return Yes()
""",
    "returns a number that equals everything": """
class Number(int):
    def __eq__(self, other): return True
    def __hash__(self): return 42
    def __sub__(self, other): return 0
    __rsub__ = __sub__
    def __lt__(self, other): return True
    __gt__ = __lt__
def add(a, b): return Number(0)
""",
    "returns a list that equals everything": """
class Everything(list):
    def __eq__(self, other): return True
    def __contains__(self, item): return True
    def __iter__(self): return iter([42])
    def __sub__(self, other): return 0
def add(a, b): return Everything()
""",
    "raises what a test expects": "def add(a, b): raise TypeError\neach = add",
    "says that the tests passed, in the words of the host": """
import json, os, sys
names = ["small", "order", "close", "one_of", "contained", "sum", "between", "near", "refuses", "order_of_calls"]
for nonce in ("", "0" * 32):
    lines = [json.dumps({"test": f"TestAdd.test_{name}", "passed": True, "message": ""}) for name in names]
    for line in [*lines, '{"done": true}']:
        os.write(2, f"\\n{nonce}{line}\\n".encode())
def add(a, b): return None
""",
    "says that the tests passed, in the words of the tests": """
import json, os
def frame(message):
    body = json.dumps(message).encode()
    os.write(1, len(body).to_bytes(4, "big") + body)
def add(a, b):
    frame({"value": {"builtin": "object"}, "changed": [], "table": []})
    frame({"done": True})
    frame({"test": "TestAdd.test_small", "passed": True})
""",
    "answers more often than it is asked": """
import json, os
def add(a, b):
    body = json.dumps({"value": 42, "changed": [], "table": []}).encode()
    for _ in range(1000):
        os.write(1, len(body).to_bytes(4, "big") + body)
""",
    "lets the tests run a function of theirs": """
import json, os
def add(a, b):
    body = json.dumps({"do": "call", "with": [-1, 1], "named": {}, "table": []}).encode()
    os.write(1, len(body).to_bytes(4, "big") + body)
    body = json.dumps({"do": "exec", "with": ["import unittest"], "named": {}, "table": []}).encode()
    os.write(1, len(body).to_bytes(4, "big") + body)
""",
    "gives the tests an exec for an add": """
import json, os
def add(a, b):
    body = json.dumps({"value": {"builtin": "exec"}, "changed": [], "table": []}).encode()
    os.write(1, len(body).to_bytes(4, "big") + body)
""",
    "changes the arguments to what is expected": """
import json, os
def add(a, b):
    pass

def each(items, do):
    changed = [[0, {"list": []}], [-1, {"list": []}], [7, {"list": [1]}]]
    body = json.dumps({"value": None, "changed": changed, "table": [{"list": [1, 2]}]}).encode()
    os.write(1, len(body).to_bytes(4, "big") + body)
""",
    "looks for the tests in its memory": """
import gc, sys
def add(a, b):
    for thing in gc.get_objects():
        if type(thing).__name__ in ("TestAdd", "Report", "TestSuite", "TestsSide"):
            for name in ("_failed", "failures", "errors"):
                setattr(thing, name, None)
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()):
            if hasattr(value, "assertEqual"):
                value.assertEqual = lambda *a: None
        frame = frame.f_back
    return None
""",
    "looks for the tests behind the function that it gets": """
def add(a, b): return None
def each(items, do):
    space = do.__globals__
    space["unittest"].TestCase.assertEqual = lambda *a: None
    for cell in do.__closure__ or ():
        getattr(cell.cell_contents, "extend", print)([1, 2])
""",
    "brings names that the tests use": """
__all__ = ["all", "sum", "len", "type", "range", "unittest", "math", "TestAdd", "solution", "isinstance", "int"]
def all(items): return True
def sum(items): return 6
def type(value): return int
class math:
    isclose = staticmethod(lambda *a: True)
class unittest:
    class TestCase: pass
TestAdd = solution = len = range = isinstance = all
def add(a, b): return None
""",
    "is loaded a second time as something else": """
import sys
class Module:
    def __getattr__(self, name): return lambda *a: 42
sys.modules["solution"] = sys.modules["tests"] = sys.modules["unittest"] = Module()
def add(a, b): return None
""",
    "takes over the side that serves it": """
import sys
side = sys.modules.get("core.lab.guest.solution_side")
if side:
    answer = {"passed": True, "done": True, "value": True, "changed": [], "table": []}
    side.SolutionSide._serve = lambda self, message: self.wire.send(answer)
def add(a, b): return None
""",
}
