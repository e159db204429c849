"""Every error that Cuepoint raises on purpose.

::

    CuepointError
    ├── SettingsError             a setting is missing or wrong
    ├── InputError                what the user gave cannot be used
    │   ├── SourceError           an address, file or row that cannot be ingested
    │   ├── QuestionError         a question or query that cannot be asked
    │   └── TemplateError         a prompt template that cannot be parsed or rendered
    ├── TranscriptUnavailable     YouTube has no transcript for us; `kind` says why
    ├── EmbeddingError            the embedder failed
    ├── ModelError                the chat model failed
    │   ├── ModelRefused          key or request rejected: trying again does not help
    │   ├── ModelBusy             rate limit or quota
    │   └── ModelUnreachable      refused connection, time-out, server error, cut stream
    ├── BudgetExhausted           a call that costs money may not be made: its budget is used up
    ├── VectorIndexError          the vector index failed
    │   └── IndexUnreachable      its server does not answer or refuses the token: nothing is damaged
    ├── MirrorError               Comet failed; the ledger holds everything, so nothing is lost
    │   ├── MirrorUnreachable     no answer, too many requests, a server error: to be tried again
    │   ├── MirrorKeyRejected     it refuses the key, or the key has no rights there
    │   └── MirrorRefused         it refuses this record for good
    ├── LibraryError              the library folder or the ledger cannot be used
    │   ├── LibraryLocked         another process owns it
    │   │   └── LeaseLost         another process sends to the mirror now
    │   ├── LibraryReadOnly       it cannot be written
    │   ├── LibraryFull           the disk is full
    │   └── LibraryCorrupt        a file of it is damaged
    ├── SandboxUnavailable        nothing on this machine can hold generated code, so it is not run
    └── NotFound                  no such trace, video or template

The message is one sentence for the person in front of the screen; ``hint`` is what they can do about it; ``subject``
is the thing concerned (a file name, a video id, a variable). Pages and the command line show them as they are, so
no message may hold a secret.
"""

from __future__ import annotations


class CuepointError(Exception):
    """Base of the tree.

    >>> str(SourceError("talk.srt is empty", subject="talk.srt", hint="Export the captions again."))
    'talk.srt is empty. Export the captions again.'
    """

    def __init__(self, message: str, *, subject: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.subject = subject
        self.hint = hint

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        return f"{self.message.rstrip('.')}. {self.hint}"


class SettingsError(CuepointError):
    """A setting is missing or wrong; ``subject`` is the variable's name."""


class InputError(CuepointError):
    """What the user gave cannot be used."""


class SourceError(InputError):
    """An address, a file or a row of a file cannot be ingested."""


class QuestionError(InputError):
    """A question or a query cannot be asked."""


class TranscriptUnavailable(CuepointError):
    """YouTube gave no transcript; ``subject`` is the video id.

    ``kind`` is one of ``blocked``, ``disabled``, ``language``, ``age_restricted``, ``private``, ``removed``,
    ``network``, ``changed`` (YouTube answered in a form the client does not know).
    """

    def __init__(self, message: str, *, kind: str, subject: str = "", hint: str = "") -> None:
        super().__init__(message, subject=subject, hint=hint)
        self.kind = kind


class EmbeddingError(CuepointError):
    """The embedder failed, or its model is not to be had."""


class ModelError(CuepointError):
    """The chat model failed; ``subject`` is the model's name."""


class ModelRefused(ModelError):
    """The server rejected the key or the request (401, 403, 404, 400): trying again does not help.

    ``rejects``: ``key``, ``model`` (there is none of that name, or not for this key), or this ``request`` alone.
    """

    def __init__(self, message: str, *, subject: str = "", hint: str = "", rejects: str = "request") -> None:
        super().__init__(message, subject=subject, hint=hint)
        self.rejects = rejects


class ModelBusy(ModelError):
    """The server asks to wait: rate limit, or the quota is used up (429).

    ``lasting``: the quota, which no waiting of minutes brings back. ``retry_after_s``: what the server asked for.
    """

    def __init__(
        self,
        message: str,
        *,
        subject: str = "",
        hint: str = "",
        lasting: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, subject=subject, hint=hint)
        self.lasting = lasting
        self.retry_after_s = retry_after_s


class ModelUnreachable(ModelError):
    """Refused connection, time-out, server error, malformed answer or a stream that was cut.

    ``may_cost``: the server may have worked on the answer, and charge for it.
    """

    def __init__(self, message: str, *, subject: str = "", hint: str = "", may_cost: bool = True) -> None:
        super().__init__(message, subject=subject, hint=hint)
        self.may_cost = may_cost


class BudgetExhausted(CuepointError):
    """A call that costs money may not be made: a budget has too little left, or none can be read.

    ``subject`` is the budget's id.
    """


class VectorIndexError(CuepointError):
    """The vector index cannot be opened, read or written."""


class IndexUnreachable(VectorIndexError):
    """The index's server does not answer or refuses the token; a rebuild would not help."""


class MirrorError(CuepointError):
    """The mirror (Comet) failed; ``subject`` is the record's id where it concerns one."""


class MirrorUnreachable(MirrorError):
    """No connection, a time-out, too many requests, a server error or an answer that nobody can read.

    ``unsure``: what was sent may have arrived all the same. ``retry_after_s``: what the server asked for.
    """

    def __init__(
        self, message: str, *, unsure: bool, retry_after_s: float | None = None, subject: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, subject=subject, hint=hint)
        self.unsure = unsure
        self.retry_after_s = retry_after_s


class MirrorKeyRejected(MirrorError):
    """The mirror refuses the key, or the key may not write to the workspace: nothing can be sent until that changes."""


class MirrorRefused(MirrorError):
    """The mirror refuses this record for good; others it may take."""


class LibraryError(CuepointError):
    """The library folder or the ledger cannot be used; ``subject`` is the path or the address."""


class LibraryLocked(LibraryError):
    """Another process owns the library."""


class LeaseLost(LibraryLocked):
    """The mirror hears from another process now, or this one never took the lease."""


class LibraryReadOnly(LibraryError):
    """The library folder cannot be written."""


class LibraryFull(LibraryError):
    """The disk is full."""


class LibraryCorrupt(LibraryError):
    """A file of the library is damaged."""


class SandboxUnavailable(CuepointError):
    """No sandbox can be had, so generated code is not run; ``hint`` says what to install."""


class NotFound(CuepointError):
    """There is no such trace, video, template or job."""


class TemplateError(InputError):
    """A prompt template cannot be parsed or rendered; ``subject`` is the variable or the template."""
