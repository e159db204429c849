"""Whether texts have changed, by their words."""

from __future__ import annotations

import numpy as np
import pytest

from core.drift.words import text_shift

VERBS = ("explain", "compare", "describe", "use", "choose", "measure", "build", "improve", "test", "debug")
SUBJECTS = (
    "embeddings", "vectors", "indexes", "prompts", "transformers", "attention", "tokens", "agents", "retrieval",
    "chunks", "rerankers", "caches", "gradients", "datasets", "metrics", "pipelines", "tuning", "quantisation",
)  # fmt: skip
NEW = ("invoices", "refunds", "billing", "subscriptions", "payments")


def questions(rng: np.random.Generator, n: int, *, new: float = 0.0) -> list[str]:
    """Generated questions of which a share is about another topic."""
    made = []
    for _ in range(n):
        subject = rng.choice(NEW if rng.random() < new else SUBJECTS)
        made.append(f"How do I {rng.choice(VERBS)} {subject} with {rng.choice(SUBJECTS)}?")
    return made


@pytest.mark.parametrize("n", [100, 300])
def test_texts_of_one_kind_are_called_different_in_at_most_five_percent(n):
    rng = np.random.default_rng(n)
    found = [text_shift(questions(rng, n), questions(rng, n)) for _ in range(30)]
    alarms = sum(shift is not None and shift.p_value < 0.05 for shift in found)
    assert alarms <= 5  # of 30 at a rate of 0.05: more in less than one percent of such tests


def test_a_new_topic_in_a_fifth_of_three_hundred_questions_is_found_and_its_words_are_named():
    rng = np.random.default_rng(1)
    for _ in range(8):
        shift = text_shift(questions(rng, 300), questions(rng, 300, new=0.2))
        assert shift is not None
        assert shift.p_value < 0.005
        assert shift.distance > 0
        assert {word.word for word in shift.more} & set(NEW)
        assert all(word.current_share > word.reference_share for word in shift.more)


def test_texts_without_words_cannot_be_compared():
    for texts in ([], ["one question"], ["🎉"] * 50, ["!!!", "???", "..."], [""] * 10):
        assert text_shift(texts, ["what is a vector"] * 50) is None
        assert text_shift(["what is a vector"] * 50, texts) is None


def test_the_same_texts_on_both_sides_do_not_differ():
    texts = questions(np.random.default_rng(2), 200)
    shift = text_shift(texts, texts)
    assert shift is not None
    assert shift.p_value == 1.0
    assert shift.more == shift.fewer == ()


def test_any_script_and_markup_is_text():
    before = [
        "天空为什么是蓝色的",
        "</script><script>alert(1)</script> vectors",
        "Was ist ein Vektor?",
        "\x00\ud800 x",
    ] * 30
    shift = text_shift(before, ["天空为什么是绿色的", "refund my invoice", "invoice refund", "a b"] * 30)
    assert shift is not None
    assert shift.p_value <= 0.01
