"""Markdown fences around code and JSON."""

from __future__ import annotations

import time

import pytest

from core.lab.fences import without_fence


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("x = 1", "x = 1"),
        ("```\nx = 1\n```", "x = 1\n"),
        ("```python\nx = 1\n```", "x = 1\n"),
        ("Sure:\r\n```Python title=a\r\nx = 1\r\n```\r\nDone", "x = 1\n"),
        ("~~~py\nx = 1\n~~~", "x = 1\n"),
        ("````python\nx = '''```'''\n```\n````", "x = '''```'''\n```\n"),
        ("```python\nx = 1\n", "x = 1\n"),
        ("```text\na long explanation\n```\n```python\nx\n```", "x\n"),
        ("```\na\n```\n```\nlonger\n```", "longer\n"),
        ("  ```python\n  x\n  ```", "  x\n"),
        ("```python\n```", ""),
        ("a `code` b", "a `code` b"),
    ],
)
def test_what_stands_in_the_fence_is_taken(text: str, content: str) -> None:
    assert without_fence(text, ("python", "py")) == content


def test_a_text_of_fences_takes_no_time() -> None:
    began = time.perf_counter()
    without_fence("```\n" * 50_000 + "~~~\n" * 50_000)
    assert time.perf_counter() - began < 2
