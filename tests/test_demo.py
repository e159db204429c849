"""The demo library: what is shipped, its times, and that the suggested questions are answered where they say."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chunking import chunk
from core.demo import DEMO_QUESTIONS, DemoQuestion, demo_transcripts
from core.demo.reader import transcript_of
from core.demo.timing import LONGEST_LINE, SHORTEST_LINE, caption_lines, spoken
from core.errors import SourceError
from core.exact_index import ExactIndex
from core.models import IndexRow, Transcript, VideoKind
from core.ports import IndexFilter
from core.sentences import content_stems

TALKS = demo_transcripts()
each_talk = pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.video.video_id)
each_question = pytest.mark.parametrize("question", DEMO_QUESTIONS, ids=lambda question: question.text)


def text_of(talk: Transcript, start_s: float = 0.0, end_s: float = float("inf")) -> str:
    return " ".join(line.text for line in talk.segments if line.end_s > start_s and line.start_s < end_s)


def talk_of(question: DemoQuestion) -> Transcript:
    return next(talk for talk in TALKS if talk.video.video_id == question.video_id)


def test_there_are_twelve_talks_with_their_own_ids_and_titles() -> None:
    assert len(TALKS) == 12
    assert len({talk.video.video_id for talk in TALKS}) == 12
    assert len({talk.video.title for talk in TALKS}) == 12


def test_one_talk_is_spanish_one_german_and_the_rest_english() -> None:
    assert sorted(talk.video.language for talk in TALKS) == ["de", *["en"] * 10, "es"]


def test_three_demo_channels_hold_four_talks_each() -> None:
    channels = [talk.video.channel for talk in TALKS]
    assert {name: channels.count(name) for name in channels} == {
        "Demo: Retrieval": 4,
        "Demo: Prompting": 4,
        "Demo: Operations": 4,
    }


@each_talk
def test_a_talk_is_marked_as_demo_and_has_no_link(talk: Transcript) -> None:
    assert talk.video.kind is VideoKind.DEMO
    assert talk.video.note == "demo talk written for this project"
    assert talk.video.url_at(10) is None
    assert re.fullmatch(r"demo-[a-z-]+", talk.video.video_id)
    assert not re.fullmatch(r"[\w-]{11}", talk.video.video_id), "looks like a YouTube id"


@each_talk
def test_a_talk_has_700_to_1200_words_at_about_150_a_minute(talk: Transcript) -> None:
    words = len(text_of(talk).split())
    assert 700 <= words <= 1200
    assert 145 <= words / (talk.video.duration_s / 60) <= 155


@each_talk
def test_caption_lines_follow_each_other_without_overlap(talk: Transcript) -> None:
    assert talk.segments[0].start_s == 0
    assert talk.segments[-1].end_s == talk.video.duration_s
    for before, after in pairwise(talk.segments):
        assert before.start_s < before.end_s <= after.start_s + 1e-9


@each_talk
def test_caption_lines_have_6_to_14_words_and_no_stray_white_space(talk: Transcript) -> None:
    for line in talk.segments:
        assert 6 <= len(line.text.split()) <= 14
        assert line.text == " ".join(line.text.split())


def test_reading_the_talks_twice_gives_equal_transcripts_in_a_list_of_ones_own() -> None:
    mine = demo_transcripts()
    assert mine == TALKS
    mine.clear()
    assert len(demo_transcripts()) == 12


@pytest.mark.parametrize("language", ["en", "es", "de"])
def test_each_language_has_about_eight_different_questions(language: str) -> None:
    texts = [question.text for question in DEMO_QUESTIONS if question.language == language]
    assert 8 <= len(set(texts)) == len(texts) <= 10


def test_every_talk_has_a_question() -> None:
    assert {question.video_id for question in DEMO_QUESTIONS} == {talk.video.video_id for talk in TALKS}


@each_question
def test_a_questions_seconds_hold_its_answer_and_little_more(question: DemoQuestion) -> None:
    talk = talk_of(question)
    assert question.language == talk.video.language
    assert 0 <= question.start_s < question.end_s <= talk.video.duration_s
    said = text_of(talk, question.start_s, question.end_s)
    assert question.answer in said
    assert len(said.split()) <= len(question.answer.split()) + 2 * (LONGEST_LINE - 1)


@each_question
def test_the_chunk_of_the_answer_shares_a_content_word_with_the_question(question: DemoQuestion) -> None:
    asked = set(content_stems(question.text, question.language))
    holding = [part for part in chunk(talk_of(question)) if part.start_s <= question.start_s < part.end_s]
    assert any(asked & set(content_stems(part.text, question.language)) for part in holding)


@pytest.fixture(scope="module")
def index() -> ExactIndex:
    rows = [IndexRow(part, talk.video, np.ones(1, np.float32)) for talk in TALKS for part in chunk(talk)]
    index = ExactIndex()
    index.upsert(rows)
    return index


@each_question
def test_words_alone_find_the_answer_among_the_first_five_passages(question: DemoQuestion, index: ExactIndex) -> None:
    parts = {part.id: part for part in chunk(talk_of(question))}
    hits = index.search_keyword(question.text, 5, IndexFilter())
    found = [parts[hit.chunk_id] for hit in hits if hit.chunk_id in parts]
    assert any(part.start_s < question.end_s and part.end_s > question.start_s for part in found)


def test_an_answer_that_its_talk_does_not_give_is_an_error() -> None:
    question = DemoQuestion("What is the moon made of?", "en", "demo-embeddings", "The moon is made of green cheese.")
    with pytest.raises(ValueError, match="substring not found"):
        _ = question.start_s


@pytest.mark.parametrize(
    ("words", "monthly_usd"), [("is 7,200 dollars a month", 7_200), ("the month comes to 22,950 dollars", 22_950)]
)
def test_the_sums_of_the_cost_talk_are_right(words: str, monthly_usd: int) -> None:
    """1,000 users x 30 searches x 30 days; input 0.01, output 0.03 dollars for 1,000 tokens."""
    inputs = {7_200: 50, 22_950: 1_800}[monthly_usd]
    mills = inputs * 10 + 250 * 30
    assert 1_000 * 30 * 30 * mills == monthly_usd * 1_000_000
    assert words in text_of(next(talk for talk in TALKS if talk.video.video_id == "demo-token-cost"))


def test_a_talk_without_its_header_is_refused_by_name() -> None:
    with pytest.raises(SourceError, match=r"13-new\.txt has no proper header") as caught:
        transcript_of("13-new.txt", "title: New\nlanguage: en\n\nSix words are enough for this.")
    assert caught.value.subject == "13-new.txt"


@pytest.mark.parametrize("body", ["", "Too short."])
def test_a_talk_that_is_too_short_for_a_caption_line_is_refused_by_name(body: str) -> None:
    with pytest.raises(SourceError, match=r"13-new\.txt cannot be timed"):
        transcript_of("13-new.txt", f"title: New\nchannel: Demo\nlanguage: en\n\n{body}")


def test_a_pause_follows_a_sentence_and_a_longer_one_a_paragraph() -> None:
    first, second, third = spoken(
        "One two three four five six.\nSeven eight nine ten eleven twelve.\n\nThirteen fourteen fifteen is all we say."
    )
    assert 0.3 < second.start_s - first.end_s < third.start_s - second.end_s


@given(st.lists(st.text(st.characters(categories=["L", "Po"]), min_size=1, max_size=8), min_size=6, max_size=60))
def test_any_paragraph_of_six_words_or_more_is_cut_into_lines_of_allowed_length(words: list[str]) -> None:
    lines = caption_lines(words)
    assert [word for line in lines for word in line] == words
    assert all(SHORTEST_LINE <= len(line) <= LONGEST_LINE for line in lines)
