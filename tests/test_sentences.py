"""Sentences, words, stems, highlights and languages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.sentences import (
    content_stems,
    guess_language,
    highlight,
    split_sentences,
    stems,
    word_spans,
    words,
)


def _sentences(text: str) -> list[str]:
    return [text[begin:end] for begin, end in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Dr. Smith met J. Doe at 3 p.m. on Monday. He left.",
            ["Dr. Smith met J. Doe at 3 p.m. on Monday.", "He left."],
        ),
        ("It costs 3.5 dollars. Cheap!", ["It costs 3.5 dollars.", "Cheap!"]),
        ('Wait... and see. "Why?" she asked.', ["Wait... and see.", '"Why?" she asked.']),
        ("We use Ruby, Go etc. The end.", ["We use Ruby, Go etc.", "The end."]),
        ("The U.S. Government said no. It did.", ["The U.S. Government said no.", "It did."]),
        ("1. First thing. 2. Second.", ["1. First thing.", "2. Second."]),
        ("See Fig. 3 for vitamin D. It helps.", ["See Fig. 3 for vitamin D.", "It helps."]),
        ("¿Qué es? ¡Claro! Así es.", ["¿Qué es?", "¡Claro!", "Así es."]),
        ("Das war am 3. Mai 2020. Nr. 5 lebt.", ["Das war am 3. Mai 2020.", "Nr. 5 lebt."]),
        ("你好。再见！好吗？", ["你好。", "再见！", "好吗？"]),
        ("यह है। वह था।", ["यह है।", "वह था।"]),
        ("so what. then we go. all right?", ["so what.", "then we go.", "all right?"]),
        ("  \n ", []),
        ("", []),
    ],
)
def test_a_text_is_split_where_its_sentences_end(text: str, expected: list[str]) -> None:
    assert _sentences(text) == expected


def test_speech_without_punctuation_is_cut_where_caption_lines_begin() -> None:
    line = "so the thing about this is that nobody knows it "
    text = line * 30
    boundaries = [len(line) * n for n in range(30)]
    spans = split_sentences(text, boundaries)
    assert all(begin in boundaries for begin, _ in spans)
    assert all(140 <= end - begin <= 250 for begin, end in spans[:-1])


def test_a_text_without_spaces_or_marks_is_cut_too() -> None:
    spans = split_sentences("x" * 100_000)
    assert max(end - begin for begin, end in spans) <= 250
    assert sum(end - begin for begin, end in spans) == 100_000


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.sampled_from("aB1 .!?…,。\n\"'”¿I\u0301我")), st.lists(st.integers(0, 400), max_size=5))
def test_spans_are_in_order_disjoint_and_leave_out_white_space_only(text: str, boundaries: list[int]) -> None:
    spans = split_sentences(text * 9, sorted(boundaries))
    text = text * 9
    position = 0
    for begin, end in spans:
        assert position <= begin < end
        assert not text[position:begin].strip()
        position = end
    assert not text[position:].strip()


def test_words_are_folded_and_numbers_keep_their_decimals() -> None:
    assert words("Don't PAY $1,000.50 for Ｃafe\u0301") == ["don", "t", "pay", "1000.50", "for", "café"]


def test_scripts_without_spaces_become_bigrams() -> None:
    assert words("天空蓝 ok") == ["天空", "空蓝", "ok"]
    assert word_spans("天空蓝") == [(0, 2), (1, 3)]


def test_vowel_marks_stay_inside_a_hindi_word() -> None:
    assert words("नमस्ते दुनिया") == ["नमस्ते", "दुनिया"]


def test_stems_join_the_forms_of_a_word_in_its_language() -> None:
    assert stems("running runs", "en") == ["run", "run"]
    assert stems("canciones canción", "es-MX") == ["cancion", "cancion"]
    assert stems("running", "") == ["running"]
    assert stems("running", "xx") == ["running"]


def test_stop_words_go_unless_nothing_else_is_left() -> None:
    assert content_stems("What is the strength of empty space?", "en") == ["strength", "empti", "space"]
    assert content_stems("to be or not to be", "en") == stems("to be or not to be", "en")


def test_highlight_marks_every_form_of_the_words_of_the_query() -> None:
    text = "The runner was running; l'été dernier"
    assert [text[b:e] for b, e in highlight(text, "how do they run", "en")] == ["running"]
    assert highlight("蓝色的天空很蓝", "天空", "zh") == [(3, 5)]
    assert highlight("天空蓝", "天空蓝", "zh") == [(0, 3)]
    assert highlight("", "x", "en") == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What does dissolved sugar do to a beam?", "en"),
        ("¿Por qué un prisma separa la luz?", "es"),
        ("Warum werden Abfragen schneller?", "de"),
        ("Comment sait-on si un bruit vient d'en haut ?", "fr"),
        ("Perché il cielo è blu?", "it"),
        ("Por que o céu não é verde?", "pt"),
        ("如果一条线索把答案缩小到八分之一", "zh"),
        ("空はなぜ青いのですか", "ja"),
        ("Почему небо голубое?", "ru"),
        ("GPT-4", ""),
        ("", ""),
    ],
)
def test_the_language_of_a_question_is_guessed_from_its_small_words(text: str, language: str) -> None:
    assert guess_language(text) == language


def test_stems_are_right_when_many_threads_ask_for_new_words_at_once() -> None:
    forms = [f"{stem}{ending}" for stem in ("walk", "jump", "talk", "bark") for ending in ("ing", "ed", "s", "")] * 25
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda word: stems(word, "sv" if len(word) % 2 else "en"), forms))
    assert results == [stems(word, "sv" if len(word) % 2 else "en") for word in forms]
