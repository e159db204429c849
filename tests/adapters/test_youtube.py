"""The YouTube source against a server on this machine that answers as YouTube does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.youtube import YouTubeSource
from core.adapters.youtube_addresses import parse_address
from core.errors import CuepointError, SourceError, TranscriptUnavailable
from core.models import VideoKind
from tests.fakes.youtube_server import Failure, FakeList, FakeVideo, Track, YouTubeServer

ID = "dQw4w9WgXcQ"
CHANNEL = "UC" + "a" * 22
PATIENT_S, IMPATIENT_S = (10.0, 10.0), (10.0, 0.2)
"""Time-outs: a busy machine may be slow, and an answer that never comes need not be waited for long."""


@pytest.fixture
def server() -> Iterator[YouTubeServer]:
    with YouTubeServer() as server:
        yield server


@pytest.fixture
def source(server: YouTubeServer) -> Iterator[YouTubeSource]:
    source = YouTubeSource(server.url, timeout_s=PATIENT_S)
    yield source
    source.close()


def ids(count: int) -> list[str]:
    return [f"video{n:06d}" for n in range(count)]


def failure_of(
    source: YouTubeSource, video_id: str = ID, languages: tuple[str, ...] = ("en",)
) -> TranscriptUnavailable:
    with pytest.raises(TranscriptUnavailable) as caught:
        source.fetch(video_id, languages)
    return caught.value


def test_a_transcript_comes_with_title_author_and_length(server: YouTubeServer, source: YouTubeSource) -> None:
    """Captions are unescaped; the player's answer gives what the client library drops."""
    server.videos[ID] = FakeVideo(title="Über \u200bvectors 向量", author="A lab", seconds=61)
    transcript = source.fetch(ID, ("en",))
    video = transcript.video
    assert [(s.text, s.start_s, s.duration_s) for s in transcript.segments] == [
        ("Hello & welcome", 0.0, 2.5),
        ("to vectors", 2.5, 3.0),
    ]
    assert (video.title, video.channel, video.duration_s, video.language) == ("Über vectors 向量", "A lab", 61.0, "en")
    assert (video.kind, video.note) == (VideoKind.YOUTUBE, "manual captions")
    assert video.source == f"https://www.youtube.com/watch?v={ID}"


MANUAL_DE, ASR_DE = Track("de"), Track("de", generated=True)
MANUAL_GB, ASR_EN = Track("en-GB"), Track("en", generated=True)
DE_TO_FR = Track("de", generated=True, translations=("fr", "en"))


@pytest.mark.parametrize(
    ("tracks", "languages", "wanted"),
    [
        ((ASR_DE, MANUAL_DE), ("de",), "de: manual captions"),
        ((ASR_DE,), ("en", "de"), "de: generated captions"),
        ((MANUAL_DE, ASR_EN), ("en", "de"), "en: generated captions"),
        ((ASR_EN, MANUAL_GB), ("en",), "en-GB: manual captions"),
        ((DE_TO_FR,), ("fr",), "fr: translated from de"),
        ((DE_TO_FR,), ("en", "de"), "de: generated captions"),
    ],
)
def test_the_first_language_wins_and_manual_before_generated_before_translated(
    server: YouTubeServer, source: YouTubeSource, tracks: tuple[Track, ...], languages: tuple[str, ...], wanted: str
) -> None:
    """A country's variant counts as the language; a translation is taken only where no language is there."""
    server.videos[ID] = FakeVideo(tracks=tracks)
    transcript = source.fetch(ID, languages)
    assert f"{transcript.video.language}: {transcript.video.note}" == wanted
    assert transcript.segments[0].text.startswith("[fr]") == ("translated" in wanted)


def test_a_missing_language_names_those_that_are_there(server: YouTubeServer, source: YouTubeSource) -> None:
    """And the setting that asks for them."""
    server.videos[ID] = FakeVideo(tracks=(MANUAL_DE, Track("pt-BR", generated=True)))
    error = failure_of(source, languages=("en", "fr"))
    assert error.kind == "language"
    assert error.message == f"The video {ID} has no captions in en, fr; it has de, pt-BR"
    assert "CUEPOINT_TRANSCRIPT_LANGUAGES" in error.hint


@pytest.mark.parametrize(
    ("failure", "kind", "part"),
    [
        (Failure.BLOCKED, "blocked", "refuses requests"),
        (Failure.BOT, "blocked", "refuses requests"),
        (Failure.CAPTCHA, "blocked", "refuses requests"),
        (Failure.CONSENT, "blocked", "consent"),
        (Failure.FORBIDDEN, "blocked", "refuses requests"),
        (Failure.PO_TOKEN, "blocked", "browsers only"),
        (Failure.COUNTRY, "blocked", "in your country"),
        (Failure.DISABLED, "disabled", "has no captions"),
        (Failure.UPCOMING, "disabled", "will begin in 3 hours"),
        (Failure.AGE_RESTRICTED, "age_restricted", "age-restricted"),
        (Failure.PRIVATE, "private", "This video is private"),
        (Failure.MEMBERS, "private", "members-only"),
        (Failure.REMOVED, "removed", "does not exist any more"),
        (Failure.NOT_FOUND, "removed", "knows no"),
        (Failure.SERVER_ERROR, "network", "fault of its own"),
        (Failure.HANG, "network", "did not answer in time"),
        (Failure.CUT, "network", "connection to YouTube failed"),
        (Failure.HTML_FOR_JSON, "changed", "form that is not known"),
        (Failure.BROKEN_JSON, "changed", "form that is not known"),
        (Failure.BROKEN_XML, "changed", "form that is not known"),
        (Failure.EMPTY_XML, "changed", "form that is not known"),
        (Failure.STRANGE, "changed", "form that is not known"),
        (Failure.FOREIGN_HOST, "changed", "not its own"),
    ],
)
def test_every_failure_has_its_kind_and_a_hint(
    server: YouTubeServer, source: YouTubeSource, failure: Failure, kind: str, part: str
) -> None:
    """One sentence with the video's id, one with what to do; nothing of the library's text."""
    server.videos[ID] = FakeVideo(failure=failure)
    source._timeout_s = IMPATIENT_S if failure is Failure.HANG else PATIENT_S
    error = failure_of(source)
    assert (error.kind, error.subject) == (kind, ID)
    assert part in error.message
    assert ID in error.message
    assert "\n" not in str(error)
    assert "github" not in str(error)
    assert error.hint


def test_an_unknown_video_is_removed(source: YouTubeSource) -> None:
    """YouTube does not tell the two apart."""
    assert failure_of(source).kind == "removed"


def test_no_server_is_a_network_fault() -> None:
    """Refused connections too, without the address in the message."""
    with YouTubeServer() as server:
        gone = server.url
    source = YouTubeSource(gone)
    assert failure_of(source).kind == "network"
    source.close()


def test_a_dead_proxy_is_named_by_its_setting_and_keeps_its_password(server: YouTubeServer) -> None:
    """The proxy's address holds a secret."""
    with YouTubeServer() as gone:
        proxy = gone.url.replace("http://", "http://user:hunter2@")
    source = YouTubeSource(server.url, proxy_url=proxy)
    error = failure_of(source)
    source.close()
    assert error.kind == "network"
    assert "CUEPOINT_PROXY_URL" in error.hint
    assert "hunter2" not in str(error)


def test_captions_without_words_are_said_to_be_empty(server: YouTubeServer, source: YouTubeSource) -> None:
    """A track of sound marks that clean to nothing."""
    server.videos[ID] = FakeVideo(tracks=(Track(lines=((0.0, 1.0, " \u200b "),)),))
    assert failure_of(source).kind == "disabled"


@pytest.mark.parametrize("failure", [Failure.CUT_ONCE, Failure.SERVER_ERROR_ONCE])
def test_a_network_fault_is_tried_again(server: YouTubeServer, source: YouTubeSource, failure: Failure) -> None:
    """The second try succeeds."""
    server.videos[ID] = FakeVideo(failure=failure)
    with stamina.set_testing(True, attempts=3):
        assert source.fetch(ID, ("en",)).video.video_id == ID


@pytest.mark.parametrize("failure", [Failure.BLOCKED, Failure.DISABLED, Failure.BROKEN_JSON])
def test_nothing_else_is_tried_again(server: YouTubeServer, source: YouTubeSource, failure: Failure) -> None:
    """A refusal stays one; asking again makes a block longer."""
    server.videos[ID] = FakeVideo(failure=failure)
    with stamina.set_testing(True, attempts=3):
        failure_of(source)
    assert sum("/watch" in request for request in server.requests) == 1


def test_consent_is_given_once(server: YouTubeServer, source: YouTubeSource) -> None:
    """For videos and for lists."""
    server.asks_consent = True
    server.videos[ID] = FakeVideo()
    server.lists["@lab"] = FakeList([ID])
    assert source.expand("@lab") == [ID]
    assert source.fetch(ID, ("en",)).segments


def test_many_threads_share_a_source(server: YouTubeServer, source: YouTubeSource) -> None:
    """Each video gets its own title, whoever fetches at the same time."""
    server.videos |= {video_id: FakeVideo(title=f"Title of {video_id}") for video_id in ids(24)}
    server.latency_s = 0.005
    barrier = threading.Barrier(6)

    def fetch(video_id: str) -> str:
        if int(video_id[5:]) < 6:
            barrier.wait(5)
        return source.fetch(video_id, ("en",)).video.title

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(fetch, ids(24))) == [f"Title of {video_id}" for video_id in ids(24)]
    assert server.most_at_once > 1


@pytest.mark.parametrize(
    "address",
    [
        ID,
        f" {ID}\n",
        f"https://www.youtube.com/watch?v={ID}",
        f"http://youtube.com/watch?app=desktop&v={ID}&t=90s",
        f"https://m.youtube.com/watch?v={ID}&list=PL{'x' * 32}&index=3",
        f"HTTPS://WWW.YOUTUBE.COM/watch?v={ID}#t=1",
        f"youtube.com/watch?v={ID}",
        f"https://youtu.be/{ID}?si=tracking",
        f"youtu.be/{ID}",
        f"https://www.youtube.com/shorts/{ID}",
        f"https://www.youtube.com/live/{ID}?feature=share",
        f"https://www.youtube.com/embed/{ID}",
        f"https://www.youtube-nocookie.com/embed/{ID}?start=4",
        f"https://music.youtube.com/watch?v={ID}",
        f"https://www.youtube.com/v/{ID}",
    ],
)
def test_every_form_of_a_video_address_is_its_id(server: YouTubeServer, source: YouTubeSource, address: str) -> None:
    """Without a request."""
    assert source.expand(address) == [ID]
    assert server.requests == []


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("https://www.youtube.com/playlist?list=PLabcdefghij", "/playlist?list=PLabcdefghij"),
        ("https://www.youtube.com/watch?list=PLabcdefghij", "/playlist?list=PLabcdefghij"),
        ("https://www.youtube.com/embed/videoseries?list=PLabcdefghij", "/playlist?list=PLabcdefghij"),
        ("PLabcdefghij", "/playlist?list=PLabcdefghij"),
        ("@3blue1brown", "/@3blue1brown/videos"),
        ("https://www.youtube.com/@3blue1brown", "/@3blue1brown/videos"),
        ("youtube.com/@3blue1brown/featured", "/@3blue1brown/videos"),
        ("https://www.youtube.com/@3blue1brown/streams?view=0", "/@3blue1brown/streams"),
        ("https://www.youtube.com/@3blue1brown/shorts/", "/@3blue1brown/shorts"),
        ("https://www.youtube.com/@%E6%9C%88%E7%90%83", "/@%E6%9C%88%E7%90%83/videos"),
        (f"https://www.youtube.com/channel/{CHANNEL}", f"/channel/{CHANNEL}/videos"),
        (CHANNEL, f"/channel/{CHANNEL}/videos"),
        ("https://www.youtube.com/c/SomeName/videos", "/c/SomeName/videos"),
        ("https://www.youtube.com/user/somename", "/user/somename/videos"),
    ],
)
def test_every_form_of_a_list_leads_to_its_page(address: str, page: str) -> None:
    """Playlists and channels, with and without a tab."""
    assert parse_address(address).value == page


@pytest.mark.parametrize(
    "address",
    [
        "",
        "cats",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://example.org/watch?v=" + ID,
        "https://youtube.com.example.org/watch?v=" + ID,
        "https://example.org/https://www.youtube.com/watch?v=" + ID,
        "https://user:secret@www.youtube.com/watch?v=" + ID,
        "https://www.youtube.com@example.org/watch?v=" + ID,
        "https://www.youtube.com:8080/watch?v=" + ID,
        "https://www.youtube.com:99999/watch?v=" + ID,
        "https://[www.youtube.com/watch?v=" + ID,
        "ftp://www.youtube.com/watch?v=" + ID,
        "https://www.youtube.com/watch?v=tooshort",
        "https://www.youtube.com/watch?v=../../../x",
        "https://www.youtube.com/playlist?list=RDabcdefghijk",
        "https://www.youtube.com/",
        "https://www.youtube.com/results?search_query=cats",
        "https://www.youtube.com/channel/UCshort",
        "https://www.youtube.com/redirect?q=http://example.org",
        "https://youtu.be/",
        "http://169.254.169.254/latest/meta-data",
        "@" + "x" * 3000,
        "\x00" * 20,
    ],
)
def test_hostile_and_unknown_addresses_are_refused(source: YouTubeSource, address: str) -> None:
    """One sentence that quotes the address, shortened, and says what can be given."""
    with pytest.raises(SourceError, match="names nothing on YouTube") as caught:
        source.expand(address)
    assert "@handle" in caught.value.hint
    assert len(str(caught.value)) < 400


@given(st.text(max_size=80))
def test_no_text_breaks_the_address_parser(text: str) -> None:
    """It is an address or a SourceError, and what is an address stays on YouTube's pages."""
    try:
        address = parse_address(text)
    except SourceError:
        return
    assert address.value.isascii()
    assert " " not in address.value


@pytest.mark.parametrize("layout", ["lockup", "renderer", "view_model", "shorts"])
@pytest.mark.parametrize("count", [1, 30, 95])
def test_a_playlist_is_read_page_by_page(server: YouTubeServer, source: YouTubeSource, layout: str, count: int) -> None:
    """In its order, whatever YouTube calls its boxes this year; other lists of the page are left alone."""
    server.lists["PLabcdefghij"] = FakeList(ids(count), layout=layout)
    assert source.expand("PLabcdefghij") == ids(count)
    assert len(server.requests) == -(-count // 30)


def test_a_page_without_videos_is_asked_for_again(server: YouTubeServer, source: YouTubeSource) -> None:
    """Once; then what is known is taken."""
    server.lists |= {"@once": FakeList(ids(60), empty_answers=1), "@always": FakeList(ids(60), empty_answers=9)}
    assert source.expand("@once") == ids(60)
    assert source.expand("@always") == ids(30)


def test_a_channel_is_read_by_its_handle(server: YouTubeServer, source: YouTubeSource) -> None:
    """A video that is listed twice counts once."""
    server.lists["@lab"] = FakeList([*ids(40), ID, ID, *ids(3)])
    assert source.expand("https://www.youtube.com/@lab") == [*ids(40), ID]


def test_a_long_channel_is_bounded(
    server: YouTubeServer, source: YouTubeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many videos no page is asked for any more."""
    monkeypatch.setattr("core.adapters.youtube.MAX_VIDEOS", 50)
    server.lists["@lab"] = FakeList(ids(500))
    assert source.expand("@lab") == ids(50)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("listed", "kind", "part"),
    [
        (None, "removed", "The playlist does not exist."),
        (FakeList([], alert="This playlist is private."), "removed", "This playlist is private."),
        (FakeList(ids(2), failure=Failure.BLOCKED), "blocked", "refuses requests"),
        (FakeList(ids(2), failure=Failure.CONSENT), "blocked", "consent"),
        (FakeList(ids(2), failure=Failure.SERVER_ERROR), "network", "fault of its own"),
        (FakeList(ids(2), failure=Failure.HANG), "network", "in time"),
        (FakeList(ids(2), failure=Failure.CUT), "network", "connection"),
        (FakeList(ids(2), failure=Failure.STRANGE), "changed", "form that is not known"),
    ],
)
def test_a_list_that_cannot_be_read_has_its_kind(
    server: YouTubeServer, source: YouTubeSource, listed: FakeList | None, kind: str, part: str
) -> None:
    """The sentence names the playlist and quotes what YouTube says."""
    if listed is not None:
        server.lists["PLabcdefghij"] = listed
        source._timeout_s = IMPATIENT_S if listed.failure is Failure.HANG else PATIENT_S
    with pytest.raises(TranscriptUnavailable) as caught:
        source.expand("PLabcdefghij")
    assert caught.value.kind == kind
    assert part in caught.value.message
    assert "playlist PLabcdefghij" in caught.value.message


def test_an_unknown_channel_is_named(source: YouTubeSource) -> None:
    """404 of its page."""
    with pytest.raises(TranscriptUnavailable, match="YouTube knows no channel @nobody"):
        source.expand("@nobody")


def test_what_is_no_video_id_is_never_fetched(server: YouTubeServer, source: YouTubeSource) -> None:
    """Not even as part of an address."""
    with pytest.raises(CuepointError):
        source.fetch("../../x", ("en",))
    assert server.requests == []
