"""What differs between two states of the library, found in one pass over both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from core.ledger import VideoFacts

_FIELDS = ("title", "channel", "language", "kind", "source", "duration_s", "note")


@dataclass(frozen=True, slots=True)
class ChangedVideo:
    """A video that both states hold, in different editions."""

    video_id: str
    title: str
    """In the later state."""
    what: tuple[str, ...]
    """Names of the fields that differ; ``text`` for caption lines, ``chunks`` for how they are cut."""
    added: tuple[str, ...] = ()
    """Ids of chunks that only the later state has."""
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    """Ids of chunks that say something else, or at another time."""


@dataclass(frozen=True, slots=True)
class NamedVideo:
    video_id: str
    title: str
    chunks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What has to happen to the first state for it to become the second. Videos in the order of their ids."""

    before: str
    after: str
    """The versions."""
    added: tuple[NamedVideo, ...] = ()
    removed: tuple[NamedVideo, ...] = ()
    changed: tuple[ChangedVideo, ...] = ()
    same: int = 0
    """Videos without a difference."""
    notices: tuple[str, ...] = ()
    """Plain sentences, for example that the embedders differ."""

    @property
    def chunks_added(self) -> tuple[str, ...]:
        """Ids, those of added videos too."""
        return (*_chunks(self.added), *(chunk for video in self.changed for chunk in video.added))

    @property
    def chunks_removed(self) -> tuple[str, ...]:
        return (*_chunks(self.removed), *(chunk for video in self.changed for chunk in video.removed))

    @property
    def chunks_changed(self) -> tuple[str, ...]:
        return tuple(chunk for video in self.changed for chunk in video.changed)

    @property
    def is_empty(self) -> bool:
        """Whether every video is the same in both."""
        return not (self.added or self.removed or self.changed)


@dataclass(slots=True)
class Differences:
    """What ``compare_states`` found so far."""

    added: list[NamedVideo] = field(default_factory=list)
    removed: list[NamedVideo] = field(default_factory=list)
    changed: list[ChangedVideo] = field(default_factory=list)
    same: int = 0


def compare_states(before: Iterator[VideoFacts], after: Iterator[VideoFacts]) -> Differences:
    """Both in the order of their video ids; one video of each is in memory at a time."""
    found = Differences()
    old, new = next(before, None), next(after, None)
    while old is not None or new is not None:
        if new is None or (old is not None and old.video.video_id < new.video.video_id):
            assert old is not None
            found.removed.append(_named(old))
            old = next(before, None)
        elif old is None or new.video.video_id < old.video.video_id:
            found.added.append(_named(new))
            new = next(after, None)
        else:
            _compare(found, old, new)
            old, new = next(before, None), next(after, None)
    return found


def _compare(found: Differences, old: VideoFacts, new: VideoFacts) -> None:
    what = tuple(_what_differs(old, new))
    if not what:
        found.same += 1
        return
    found.changed.append(
        ChangedVideo(
            new.video.video_id,
            new.video.title,
            what,
            added=tuple(key for key in new.chunks if key not in old.chunks),
            removed=tuple(key for key in old.chunks if key not in new.chunks),
            changed=tuple(key for key, value in new.chunks.items() if old.chunks.get(key, value) != value),
        )
    )


def _what_differs(old: VideoFacts, new: VideoFacts) -> Iterator[str]:
    fields = [name for name in _FIELDS if _value(old, name) != _value(new, name)]
    yield from fields
    if old.content_hash != new.content_hash:
        yield "text"
    # A chunk's hash for the index also holds title, channel and language.
    if old.chunks != new.chunks or (old.chunks_hash != new.chunks_hash and not {*fields} & {*_FIELDS[:3]}):
        yield "chunks"


def _value(facts: VideoFacts, name: str) -> object:
    """A field of the video; NaN, which nobody measured, as None, so that it equals itself."""
    value = getattr(facts.video, name)
    return None if value != value else value  # noqa: PLR0124


def _named(facts: VideoFacts) -> NamedVideo:
    return NamedVideo(facts.video.video_id, facts.video.title, tuple(facts.chunks))


def _chunks(videos: tuple[NamedVideo, ...]) -> Iterator[str]:
    return (chunk for video in videos for chunk in video.chunks)
