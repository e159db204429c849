"""What the pages see of the delivery to Comet, kept in memory: its state, refused records, earlier traces."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from core.errors import InputError, NotFound
from core.ledger import OutboxRow, OutboxState
from core.mirror.service import DeadLetter, Delivery, MirrorStatus, ReadBackState

SINCE = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@dataclass
class FakeMirroring:
    """Off until ``enabled``; what a page did to it can be read off afterwards."""

    enabled: bool = False
    state: MirrorStatus = field(default_factory=lambda: MirrorStatus(enabled=True, status="idle", since=SINCE))
    letters: list[DeadLetter] = field(default_factory=list)
    documents: dict[tuple[str, str], str] = field(default_factory=dict)
    earlier: list[datetime] = field(default_factory=list)
    """When the traces began that were never put in."""
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    """By trace."""
    sent_again: list[tuple[str, str, str | None]] = field(default_factory=list)
    resumed: int = 0
    pages_read: list[tuple[int, int]] = field(default_factory=list)
    """Limit and offset of each look at the refused records."""

    reading: ReadBackState = field(default_factory=lambda: ReadBackState("idle", 0, "", 0, None))
    read_since: list[datetime | None] = field(default_factory=list)
    """From when on each reading back was started."""

    def start_read_back(self, since: datetime | None) -> None:
        self.read_since.append(since)
        self.reading = replace(self.reading, state="running", records=0)

    def read_back_state(self) -> ReadBackState:
        return self.reading

    def status(self) -> MirrorStatus:
        return replace(self.state, enabled=self.enabled, dead=len(self.letters))

    def resume(self) -> None:
        self.resumed += 1
        self.state = replace(self.state, status="idle", detail="")

    def refuse(self, key: str, reason: str, *, kind: str = "trace", title: str = "", document: str = "{}") -> None:
        """Adds a refused record."""
        self.letters.append(DeadLetter(kind, key, reason, SINCE, 1, title))
        self.documents[kind, key] = document
        self.deliveries[key] = Delivery("dead", f"The trace was refused: {reason}")

    def delivery_of(self, trace_id: str) -> Delivery:
        return self.deliveries.get(
            trace_id, Delivery("none", "Not in Comet: it is from before the key, or nobody asked it.")
        )

    def rows_of(self, trace_id: str) -> list[OutboxRow]:
        return [
            OutboxRow(letter.kind, letter.id, OutboxState.DEAD, 1, None, False, 1, SINCE, SINCE, None, "", None)
            for letter in self.letters
            if letter.id == trace_id
        ]

    def dead_letters(self, limit: int = 100, *, offset: int = 0) -> list[DeadLetter]:
        self.pages_read.append((limit, offset))
        return self.letters[offset : offset + limit]

    def letter_document(self, kind: str, key: str) -> str:
        if (kind, key) not in self.documents:
            raise NotFound(f"The outbox holds no {kind} {key}", subject=key)
        return self.documents[kind, key]

    def send_again(self, kind: str, key: str, document: str | None = None) -> None:
        try:
            json.loads(document or "{}")
        except ValueError as error:
            raise InputError(f"This is no JSON: {error}", hint="Mend it, or put back what was shown.") from None
        self.sent_again.append((kind, key, document))
        self.letters = [letter for letter in self.letters if (letter.kind, letter.id) != (kind, key)]

    def send_all_again(self) -> int:
        number = len(self.letters)
        self.letters.clear()
        return number

    def back_fill_count(self, since: datetime | None, until: datetime | None) -> int:
        return len(self._of(since, until))

    def back_fill(self, since: datetime | None, until: datetime | None) -> int:
        chosen = self._of(since, until)
        self.earlier = [when for when in self.earlier if when not in chosen]
        return len(chosen)

    def _of(self, since: datetime | None, until: datetime | None) -> list[datetime]:
        return [when for when in self.earlier if (not since or when >= since) and (not until or when < until)]
