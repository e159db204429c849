"""Solutions of the three code tasks: one that is right, and wrong ones with the test that finds each out."""

from __future__ import annotations

IMAGE = """
import random

def make_image(width, height):
    if width < 1 or height < 1 or width * height < 3:
        raise ValueError("too small")
    palette = set()
    while len(palette) < 3:
        palette.add(tuple(random.randrange(256) for _ in range(3)))
    palette = list(palette)
    pixels = palette + [random.choice(palette) for _ in range(width * height - 3)]
    random.shuffle(pixels)
    return [pixels[row * width:(row + 1) * width] for row in range(height)]
"""

EVALUATOR = """
import re

def evaluate(expression):
    tokens = re.findall(r"\\d+\\.?\\d*|\\.\\d+|[-+*/()]|\\S", expression)
    place = 0

    def peek():
        return tokens[place] if place < len(tokens) else ""

    def take():
        nonlocal place
        place += 1
        return tokens[place - 1]

    def operand():
        token = peek()
        if token in ("+", "-") and token:
            take()
            return operand() if token == "+" else -operand()
        if token == "(":
            take()
            value = total()
            if peek() != ")":
                raise ValueError("a parenthesis is open")
            take()
            return value
        if not re.fullmatch(r"\\d+\\.?\\d*|\\.\\d+", token):
            raise ValueError(f"unexpected {token!r}")
        return float(take())

    def product():
        value = operand()
        while peek() in ("*", "/") and peek():
            value = value * operand() if take() == "*" else value / operand()
        return value

    def total():
        value = product()
        while peek() in ("+", "-") and peek():
            value = value + product() if take() == "+" else value - product()
        return value

    value = total()
    if place < len(tokens):
        raise ValueError(f"unexpected {peek()!r}")
    return value
"""

MERGE = """
import heapq

class ListNode:
    def __init__(self, val=0, next=None):
        self.val = val
        self.next = next

def merge_k_lists(lists):
    heap = [(node.val, n, node) for n, node in enumerate(lists) if node]
    heapq.heapify(heap)
    head = tail = ListNode()
    while heap:
        _, n, node = heapq.heappop(heap)
        tail.next = tail = node
        if node.next:
            heapq.heappush(heap, (node.next.val, n, node.next))
    tail.next = None
    return head.next
"""

RIGHT = {"image": IMAGE, "evaluator": EVALUATOR, "merge-lists": MERGE}

WRONG = [
    ("image", IMAGE.replace("height)]", "height - 1)]"), "test_it_has_the_size_that_was_asked_for"),
    ("image", IMAGE.replace("len(palette) < 3", "len(palette) < 4"), "test_it_has_exactly_three_colours"),
    ("image", IMAGE.replace("palette + [", "[palette[0]] * 3 + ["), "test_it_has_exactly_three_colours"),
    (
        "image",
        IMAGE.replace("randrange(256)", "randrange(256, 512)"),
        "test_a_pixel_is_red_green_and_blue_from_0_to_255",
    ),
    (
        "image",
        IMAGE.replace("random.randrange", "random.Random(len(palette)).randrange"),
        "test_the_colours_are_random",
    ),
    (
        "image",
        IMAGE.replace("raise ValueError", "return [[(0, 0, 0)] * width] * height #"),
        "test_what_cannot_hold_three_colours_is_refused",
    ),
    ("evaluator", "def evaluate(expression): return float(eval(expression))", "test_what_is_no_expression_is_refused"),
    ("evaluator", EVALUATOR.replace("else -operand()", "else operand()"), "test_signs_may_stand_before_any_operand"),
    (
        "evaluator",
        EVALUATOR.replace('peek() in ("*", "/")', 'peek() in ("+", "-", "*", "/")'),
        "test_products_bind_more_tightly_than_sums",
    ),
    ("evaluator", EVALUATOR.replace("value / operand()", "value // operand()"), "test_division_gives_fractions"),
    (
        "merge-lists",
        MERGE.replace("tail.next = tail = node", "tail.next = tail = ListNode(node.val, node.next)"),
        "test_the_nodes_are_reused",
    ),
    ("merge-lists", MERGE.replace("if node]", "]"), "test_empty_lists_are_left_out"),
    (
        "merge-lists",
        MERGE.replace("heapq.heappush(heap, (node.next.val, n, node.next))", "pass"),
        "test_three_lists_become_one",
    ),
    (
        "merge-lists",
        MERGE.replace("    tail.next = None\n", "    tail.next = head.next\n"),
        "test_one_list_stays_as_it_is",
    ),
]
"""Task, code, and a test that it must fail."""
