"""The outside world as Protocols. Each has one adapter per vendor in core/adapters and a fake in tests/fakes.py.

An adapter raises our errors (core/errors.py) and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from subprocess import Popen
from typing import Protocol, runtime_checkable

from core.errors import MirrorError
from core.models import (
    ExperimentRecord,
    Hit,
    IndexRow,
    MirroredTrace,
    MirrorRecord,
    MirrorThumb,
    SandboxResult,
    Transcript,
    Usage,
    Vector,
    Vectors,
)

Clock = Callable[[], datetime]
"""Returns the present time, UTC and aware."""


class TranscriptSource(Protocol):
    """YouTube, or a recorded stand-in."""

    def expand(self, address: str) -> list[str]:
        """Video ids behind a video, playlist or channel address, in its order.

        Raises SourceError where the address names none of these, TranscriptUnavailable where YouTube does not answer.
        """

    def fetch(self, video_id: str, languages: Sequence[str]) -> Transcript:
        """The transcript in the first of the languages that there is: manual before generated before translated.

        Raises TranscriptUnavailable.
        """


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def identity(self) -> str:
        """Model and revision. Part of the collection's identity: vectors of two identities never mix."""

    @property
    def dimensions(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions). Any text has a vector, the empty one too. Raises EmbeddingError."""


@dataclass(frozen=True, slots=True)
class IndexFilter:
    """Which rows a search may return. Empty means all."""

    channels: tuple[str, ...] = ()


RelatedTerms = Mapping[str, Mapping[str, float]]
"""Query word (as core.words.words gives it) -> stems that mean nearly the same, each with a weight below 1."""


class VectorIndex(Protocol):
    """Rows derived from the ledger, searchable by vector and by words. Raises VectorIndexError or LibraryError."""

    @property
    def has_keyword(self) -> bool:
        """False where the server has no BM25: then search_keyword must not be called."""

    def inventory(self) -> dict[str, str]:
        """Chunk id -> IndexRow.content_hash of every row that a search could return."""

    def upsert(self, rows: Sequence[IndexRow]) -> None:
        """Adds or replaces; durable when it returns."""

    def delete(self, chunk_ids: Sequence[str]) -> None:
        """Unknown ids are fine."""

    def search_dense(self, vector: Vector, limit: int, where: IndexFilter) -> list[Hit]:
        """By cosine similarity, best first."""

    def search_keyword(
        self, text: str, limit: int, where: IndexFilter, *, related: RelatedTerms | None = None
    ) -> list[Hit]:
        """By BM25 (Robertson and Zaragoza 2009), best first; only rows that share a word with the text.

        ``related`` lets related words match too; an index that cannot weigh words ignores it.
        """

    def reset(self) -> None:
        """Drops every row and any damage, so that the ledger can fill it again."""

    def close(self) -> None: ...


class ChatStream(Protocol):
    """Iterate it for the text as it comes; afterwards it knows what it cost."""

    def __iter__(self) -> Iterator[str]:
        """Pieces of text, none empty. Raises ModelError, also after partial text."""

    @property
    def usage(self) -> Usage:
        """As the server counted; all None before the end or where it does not count."""

    @property
    def model(self) -> str:
        """The model that the server says answered."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """Options that the server rejects, so that the answer was asked for without them: ``temperature``."""

    def close(self) -> None:
        """Gives the connection back; safe at any time."""


Message = Mapping[str, str]
"""``{"role": "system" | "user" | "assistant", "content": text}``."""


class ChatModel(Protocol):
    """A chat model behind an OpenAI-compatible server."""

    @property
    def name(self) -> str: ...

    def check(self) -> None:
        """Sees whether the server answers and takes the key, without a completion. Raises ModelError."""

    def stream(
        self, messages: Sequence[Message], *, temperature: float = 0.0, max_tokens: int | None = None
    ) -> ChatStream:
        """Starts an answer; retries (429, 5xx, refused connection) happen before the first piece only."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer."""

    text: str
    """May be empty: that is an answer too."""
    usage: Usage
    """As the server counted; None where it does not count."""
    model: str
    """The model that the server says answered."""
    finish_reason: str | None = None
    """``stop``, ``length`` (cut at ``max_tokens``), ``content_filter``; None where the server gives none."""
    left_out: tuple[str, ...] = ()
    """As ChatStream's."""


@runtime_checkable
class WholeChatModel(Protocol):
    """A ChatModel that can also be asked for whole answers, at a tenth of a stream's work: for many calls at once."""

    def warm_up(self) -> None:
        """Makes ready what the first call would wait for; sends nothing."""

    def complete(
        self, messages: Sequence[Message], *, temperature: float = 0.0, max_tokens: int | None = None
    ) -> Completion:
        """One answer. 5xx and refused connections are tried again, 429 is not: who makes many calls waits for all.

        Raises ModelError.
        """


@dataclass(frozen=True, slots=True)
class DatasetFiles:
    """A version of the data as a mirror is told of it."""

    version: str
    name: str
    """What the versions of one kind have in common, for example ``library``."""
    aliases: tuple[str, ...]
    metadata: Mapping[str, str | int | float | bool | None]
    files: Mapping[str, Path]
    """Name in the version -> file on this machine."""


class Mirror(Protocol):
    """A service that shows a team what the ledger holds: Comet.

    Every call may take seconds and none tries again. Each raises MirrorUnreachable (``unsure`` where what was sent may
    have arrived), MirrorKeyRejected or MirrorRefused. Not safe for threads.
    """

    def check(self) -> str:
        """Sees whether the server takes the key; returns where the records stand, for people."""

    def send(self, records: Sequence[MirrorRecord]) -> list[MirrorError | None]:
        """Adds records that it does not hold; for each None, or why it was not taken.

        Raises where the whole request failed.
        """

    def replace(self, record: MirrorRecord) -> None:
        """Brings a record that it holds up to date."""

    def holds(self, record_id: str) -> bool:
        """Whether there is a record or an experiment of that id."""

    def send_thumb(self, thumb: MirrorThumb, *, unsure: bool) -> None:
        """Sets the feedback of a record that it holds; ``unsure``: looks first what of it has arrived already."""

    def send_experiment(self, experiment: ExperimentRecord) -> None:
        """Adds an experiment, or brings it up to date."""

    def send_dataset(self, dataset: DatasetFiles) -> None:
        """Adds a version of the data, once: a version that it holds is left alone."""

    def read_back(self, since: datetime | None) -> Iterator[list[MirroredTrace]]:
        """Records that started since then, newest first, a hundred at a time."""

    def close(self) -> None: ...


class Sandbox(Protocol):
    """Runs unit tests on code that a model wrote, apart from everything else. Safe for threads."""

    @property
    def name(self) -> str:
        """What holds the code, and which Python runs it, for people."""

    def run(self, code: str, tests: str, *, timeout_s: float, memory_mb: int) -> SandboxResult:
        """Runs a unittest module that imports the code as ``solution``.

        ``timeout_s`` counts from the moment at which both interpreters are up; ``memory_mb`` is for each of the two.
        Raises InputError where the tests cannot be loaded, whatever the code, SandboxUnavailable where no process
        starts. Code that fails is a result, not an error.
        """


class Jail(Protocol):
    """Starts a Python interpreter that can reach nothing but its standard streams: WebAssembly, bubblewrap."""

    @property
    def name(self) -> str: ...

    def start(
        self, program: str, *, stdin: int, stdout: int, stderr: int, memory_mb: int, lifetime_s: float
    ) -> Popen[bytes]:
        """A process that runs the program; the streams are file descriptors, which stay the caller's to close.

        It ends by itself after ``lifetime_s``, also when this process is gone. Killing it ends all that it started.
        Raises SandboxUnavailable.
        """
