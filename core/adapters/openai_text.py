"""What of a local model's text is meant for the reader. Pure."""

from __future__ import annotations

import re

_OPENING = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_CLOSING = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_LONGEST_TAG = len("</thinking>")


class VisibleText:
    """Takes text in pieces of any size and returns what a reader may see of it.

    ``<think>…</think>``, in which local models reason, is left out, also where a tag comes in two pieces. Surrogate
    halves that come apart are joined; NUL, which no database takes, is dropped.
    """

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False
        self._begun = False

    def feed(self, text: str) -> str:
        """What of the text so far is certain to be visible."""
        self._held += text
        visible = ""
        while match := (_CLOSING if self._thinking else _OPENING).search(self._held):
            if not self._thinking:
                visible += self._held[: match.start()]
            self._held = self._held[match.end() :]
            self._thinking = not self._thinking
        keep = _undecided(self._held)
        certain, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return self._shown(visible + ("" if self._thinking else certain))

    def end(self) -> str:
        """The rest."""
        rest, self._held = ("" if self._thinking else self._held), ""
        return self._shown(rest)

    def _shown(self, text: str) -> str:
        text = text.replace("\x00", "").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if not self._begun:
            text = text.lstrip()
        self._begun = self._begun or bool(text)
        return text


def _undecided(text: str) -> int:
    """How many characters at the end may be the begin of a tag or of a surrogate pair."""
    if text and "\ud800" <= text[-1] <= "\udbff":
        return 1
    begin = text.rfind("<", max(0, len(text) - _LONGEST_TAG + 1))
    tail = text[begin:].lower() if begin >= 0 else ""
    tags = ("<think>", "<thinking>", "</think>", "</thinking>")
    return len(tail) if tail and any(tag.startswith(tail) for tag in tags) else 0
