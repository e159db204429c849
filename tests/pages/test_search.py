"""The Search page."""

from __future__ import annotations

import json
import re

import pandas as pd

from core.models import SearchMode, SearchQuery, VideoKind
from core.ui.charts import passages_per_video, timeline_rows
from core.ui.exports import details_table, to_csv, to_json
from tests.fakes.services import FakeServices, talk
from tests.pages.conftest import OpenPage, words

QUESTION = "how does drift change an embedding index"


def test_the_address_reopens_the_same_search(open_page: OpenPage, services: FakeServices) -> None:
    channel = services.channels()[0][0]
    app = open_page("search", q=QUESTION, channel=[channel], mode="keyword", limit="7")
    expected = SearchQuery(QUESTION, limit=7, mode=SearchMode.KEYWORD, channels=(channel,))
    assert services.retriever.asked[-1] == expected
    assert app.text_input(key="q").value == QUESTION
    assert app.multiselect(key="channel").value == [channel]


def test_without_a_query_nothing_is_searched(open_page: OpenPage, services: FakeServices) -> None:
    open_page("search", q="   ")
    assert services.retriever.asked == []


def test_no_result_names_the_query_and_a_way_on(open_page: OpenPage) -> None:
    said = words(open_page("search", q="xyzzy", mode="keyword"))
    assert "No passage found" in said
    assert "“xyzzy”" in said
    assert "hybrid" in said


def test_a_very_long_query_is_one_sentence(open_page: OpenPage) -> None:
    app = open_page("search", q="drift " * 2000)
    assert not app.exception
    assert "characters. Shorten it" in words(app)


def test_an_unknown_channel_in_the_address_is_left_out(open_page: OpenPage, services: FakeServices) -> None:
    open_page("search", q=QUESTION, channel=["No such channel"])
    assert services.retriever.asked[-1].channels == ()


def test_a_result_shows_channel_time_score_and_the_matched_words(open_page: OpenPage, services: FakeServices) -> None:
    app = open_page("search", q="umbrellas")
    result = services.retriever.retrieve(SearchQuery("umbrellas"))
    best = result.passages[0]
    said = words(app)
    assert best.video.title in said
    assert best.video.channel in said
    assert ":green[**umbrellas**]" in said
    assert f"Score {best.score:.3f} (keyword {best.parts['keyword']:.3f})" in said


def test_a_youtube_result_links_to_its_second(open_page: OpenPage, services: FakeServices) -> None:
    lines = ["Nothing of note."] * 3 + ["Sourdough wants patience."]
    services.library.transcripts["dQw4w9WgXcQ"] = talk("dQw4w9WgXcQ", "Bread", lines)
    said = words(open_page("search", q="sourdough"))
    assert "(https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=30s)" in said


def test_read_opens_the_transcript_around_the_passage(open_page: OpenPage, services: FakeServices) -> None:
    app = open_page("search", q="umbrellas")
    best = services.retriever.retrieve(SearchQuery("umbrellas")).passages[0]
    app.button(key=f"play-{best.chunk.id}").click().run()
    assert f"Transcript of {best.video.title} around" in words(app)
    app.button(key=f"play-{best.chunk.id}").click().run()
    assert "Transcript of" not in words(app)


def test_play_embeds_the_player_from_the_second(open_page: OpenPage, services: FakeServices) -> None:
    services.library.transcripts["dQw4w9WgXcQ"] = talk("dQw4w9WgXcQ", "Bread", ["Hello."] * 3 + ["Sourdough, at last."])
    app = open_page("search", q="sourdough")
    app.button(key="play-dQw4w9WgXcQ:0").click().run()
    (video,) = app.get("video")
    assert "dQw4w9WgXcQ" in video.proto.url
    assert video.proto.start_time == 30


def test_the_bars_sum_to_the_number_of_results(services: FakeServices) -> None:
    passages = services.retriever.retrieve(SearchQuery(QUESTION)).passages
    table = passages_per_video(passages)
    assert table["passages"].sum() == len(passages) > 10
    assert table["video_id"].is_unique


def test_the_timeline_has_each_passage_at_its_place(services: FakeServices) -> None:
    passages = services.retriever.retrieve(SearchQuery(QUESTION)).passages
    table = timeline_rows(passages)
    assert table["chunk_id"].tolist() == [passage.chunk.id for passage in passages]
    assert ((table["begin"] >= 0) & (table["begin"] < table["end"]) & (table["end"] <= 1)).all()
    first = passages[0]
    assert table["begin"][0] == first.chunk.start_s / first.video.duration_s


def test_two_videos_of_one_title_stay_two_rows(services: FakeServices) -> None:
    services.library.transcripts.clear()
    for video_id in ("one", "two"):
        services.library.transcripts[video_id] = talk(video_id, "The same title", ["Bread and salt."])
    table = timeline_rows(services.retriever.retrieve(SearchQuery("bread")).passages)
    assert table["label"].nunique() == 2


def test_an_article_without_times_has_its_parts_in_the_timeline(services: FakeServices) -> None:
    article = talk("art", "An article", ["Bread is old. " * 60, "Bread is good. " * 60], kind=VideoKind.ARTICLE)
    services.library.transcripts.clear()
    services.library.transcripts["art"] = article
    table = timeline_rows(services.retriever.retrieve(SearchQuery("bread")).passages)
    assert ((table["end"] <= 1) & (table["begin"] >= 0)).all()


def test_json_has_the_names_of_the_command_line(services: FakeServices) -> None:
    result = services.retriever.retrieve(SearchQuery("umbrellas"))
    document = json.loads(to_json(result))
    assert {"query", "mode", "took_ms", "passages"} <= set(document)
    names = "rank score chunk_id video_id title channel start_s end_s text url"
    assert " ".join(document["passages"][0]) == names
    assert len(document["passages"]) == len(result.passages)


def test_csv_runs_no_formula_in_a_spreadsheet(services: FakeServices) -> None:
    services.library.transcripts["x"] = talk("x", '=HYPERLINK("http://evil")', ["Sourdough wants patience."])
    result = services.retriever.retrieve(SearchQuery("sourdough"))
    assert "\"'=HYPERLINK" in to_csv(result)


def test_the_details_table_has_a_row_per_passage_and_a_column_per_part(services: FakeServices) -> None:
    result = services.retriever.retrieve(SearchQuery(QUESTION))
    table = details_table(result)
    assert isinstance(table, pd.DataFrame)
    assert len(table) == len(result.passages)
    assert "keyword" in table.columns


def test_hostile_titles_and_captions_are_shown_literally(open_page: OpenPage, services: FakeServices) -> None:
    evil = "![x](http://evil/i.png) <b>sourdough</b> [go](javascript:alert(1)) :material/bolt: $x^2$"
    services.library.transcripts["evil"] = talk("evil", evil, [evil], channel=evil)
    app = open_page("search", q="sourdough")
    shown = [element.value for element in app.markdown if "evil" in element.value]
    assert len(shown) >= 2
    for value in shown:
        assert not re.search(r"(?<!\\)[!<$]|(?<!\\)\]\((?!https://www\.youtube)|:material/bolt", value)
