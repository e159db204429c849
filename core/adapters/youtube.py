"""YouTube as a source of transcripts, through youtube-transcript-api and the pages of playlists and channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import stamina

from core.adapters.youtube_addresses import VIDEO_ID, AddressKind, parse_address
from core.adapters.youtube_faults import CAUGHT, available_languages, is_network_fault, translated, unavailable
from core.adapters.youtube_lists import VideoList, browse_request, initial_data, read_list
from core.adapters.youtube_session import YOUTUBE, YouTubeSession
from core.errors import SourceError
from core.models import Segment, Transcript, Video, VideoKind
from core.sources.lines import is_time, tidy
from core.sources.text import clean_text, shown

if TYPE_CHECKING:
    from youtube_transcript_api import FetchedTranscript, TranscriptList
    from youtube_transcript_api import Transcript as Track

ATTEMPTS = 3
TIMEOUT_S = (5.0, 20.0)
MAX_VIDEOS = 1000
"""So many videos of a playlist or channel are taken, in its order."""
LONGEST_TITLE = 300


class YouTubeSource:
    """A TranscriptSource; one object serves all threads. A connection serves one of them at a time.

    ``base_url``: where YouTube is; ``timeout_s``: to connect, and between two reads.
    """

    max_videos = MAX_VIDEOS

    def __init__(
        self, base_url: str = YOUTUBE, *, proxy_url: str | None = None, timeout_s: tuple[float, float] = TIMEOUT_S
    ) -> None:
        self._base_url, self._proxy_url, self._timeout_s = base_url, proxy_url, timeout_s
        self._idle: list[YouTubeSession] = []
        self._retry = stamina.RetryingCaller(attempts=ATTEMPTS, timeout=90.0, wait_initial=0.5, wait_max=4.0)

    def expand(self, address: str) -> list[str]:
        """Video ids behind an address, in its order, at most ``MAX_VIDEOS``. A single video costs no request.

        Raises SourceError where the address names no video, playlist or channel, TranscriptUnavailable where
        YouTube does not answer or lists nothing.
        """
        parsed = parse_address(address)
        if parsed.kind is AddressKind.VIDEO:
            return [parsed.value]
        subject = f"{parsed.kind} {shown(address)}"
        return self._retry(is_network_fault, self._listed, parsed.value, subject)

    def fetch(self, video_id: str, languages: Sequence[str]) -> Transcript:
        """The transcript in the first of the languages that there is: manual before generated before translated.

        ``en`` also finds ``en-GB``. The video's note says which captions they are. Raises TranscriptUnavailable, and
        SourceError for what is no video id.
        """
        if not VIDEO_ID.fullmatch(video_id):
            raise SourceError(f'"{shown(video_id)}" is not a video id', subject=shown(video_id))
        return self._retry(is_network_fault, self._fetched, video_id, languages)

    def close(self) -> None:
        """Ends the connections that are not in use."""
        while self._idle:
            self._idle.pop().close()

    def _fetched(self, video_id: str, languages: Sequence[str]) -> Transcript:
        with self._session() as session:
            session.details = {}
            try:
                track, note = choose_track(session.api.list(video_id), video_id, languages)
                return _transcript(track.fetch(), session, note)
            except CAUGHT as error:
                raise translated(error, video_id) from error

    def _listed(self, path: str, subject: str) -> list[str]:
        with self._session() as session:
            try:
                return list(dict.fromkeys(_pages(session, path, subject)))[:MAX_VIDEOS]
            except (*CAUGHT, RecursionError) as error:
                raise translated(error, subject) from error

    @contextmanager
    def _session(self) -> Iterator[YouTubeSession]:
        """A connection for this thread alone; list.pop and list.append are atomic."""
        try:
            session = self._idle.pop()
        except IndexError:
            session = YouTubeSession(self._base_url, self._proxy_url, self._timeout_s)
        try:
            yield session
        finally:
            self._idle.append(session)


def _pages(session: YouTubeSession, path: str, subject: str) -> Iterator[str]:
    """The ids of one page after the other, as long as there are new ones."""
    html = session.page(path, subject)
    page = read_list(initial_data(html))
    if not page.video_ids:
        said = f': YouTube says "{shown(page.alert)}"' if page.alert else ""
        raise unavailable("removed", f"The {subject} has no videos to be seen{said}", subject)
    browse, body = browse_request(html)
    seen: set[str] = set()
    while not seen.issuperset(page.video_ids):
        seen.update(page.video_ids)
        yield from page.video_ids
        if page.continuation is None or len(seen) >= MAX_VIDEOS:
            return
        more = body | {"continuation": page.continuation}
        # Now and then YouTube answers without the videos; the second time it has them.
        page = next(filter(_has_videos, (read_list(session.post(browse, more, subject)) for _ in range(2))), page)


def _has_videos(page: VideoList) -> bool:
    return bool(page.video_ids)


def choose_track(listed: TranscriptList, video_id: str, languages: Sequence[str]) -> tuple[Track, str]:
    """The captions to take, and the note that says what they are. Raises TranscriptUnavailable (``language``)."""
    tracks = sorted(listed, key=lambda track: track.is_generated)
    for language in languages:
        spoken = [track for track in tracks if _speaks(track.language_code, language)]
        if spoken:
            track = min(spoken, key=lambda t: (t.is_generated, t.language_code != language))
            return track, "generated captions" if track.is_generated else "manual captions"
    for language in languages:
        for track in tracks:
            if any(t.language_code == language for t in track.translation_languages):
                return track.translate(language), f"translated from {track.language_code}"
    raise available_languages(video_id, languages, (track.language_code for track in tracks))


def _speaks(code: str, language: str) -> bool:
    return code.lower() == language.lower() or code.lower().startswith(f"{language.lower()}-")


def _transcript(fetched: FetchedTranscript, session: YouTubeSession, note: str) -> Transcript:
    video_id = fetched.video_id
    segments, notes = tidy(
        Segment(line.text, line.start, line.duration) for line in fetched if is_time(line.start + line.duration)
    )
    if not segments:
        raise unavailable("disabled", f"The captions of {video_id} are empty", video_id)
    length = str(session.details.get("lengthSeconds", ""))
    video = Video(
        video_id=video_id,
        title=clean_text(str(session.details.get("title") or ""))[:LONGEST_TITLE] or video_id,
        channel=clean_text(str(session.details.get("author") or ""))[:LONGEST_TITLE] or "YouTube",
        language=fetched.language_code,
        kind=VideoKind.YOUTUBE,
        source=f"{YOUTUBE}/watch?v={video_id}",
        duration_s=float(length) if length.isdecimal() else segments[-1].end_s,
        note="; ".join((note, *notes)),
    )
    return Transcript(video, segments)
