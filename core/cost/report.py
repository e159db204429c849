"""What was spent in a period, by day and by one thing more. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from core.ledger import Difference, DifferenceTally, Source, Tally


class By(StrEnum):
    """What a report is broken down by."""

    DAY = "day"
    MODEL = "model"
    KIND = "kind"
    TEMPLATE = "template"
    USER = "user"


Key = date | str | None
"""A day, a name, or None where a trace has no name of that sort: no model was called. Empty names stay empty."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A day's sum for one name."""

    day: date
    """In the report's time zone."""
    name: str | None
    """None also where the report is by day alone."""
    tally: Tally


@dataclass(frozen=True, slots=True)
class Row:
    key: Key
    tally: Tally


@dataclass(frozen=True, slots=True)
class Report:
    """The sums of a period. Every trace that began in it is in exactly one of ``cells`` and ``others``."""

    source: Source
    by: By
    zone: str
    """IANA name of the time zone whose days these are."""
    since: datetime | None
    until: datetime | None
    cells: tuple[Cell, ...]
    """By day, and within a day by name: of every name, or of those that cost most where there are many."""
    unpriced: tuple[Row, ...]
    """What has no price, by model: the number of calls and their tokens, most tokens first.

    None is a call whose process ended before it was measured, or a record that names no model.
    """
    names: tuple[Row, ...] = ()
    """Each name's sum, what cost most first; empty where they are those of the cells."""
    others: tuple[Cell, ...] = ()
    """By day, without a name: the names that have no cells of their own, together."""
    sample: bool = False
    """Of sample traffic and nothing else."""

    @property
    def total(self) -> Tally:
        return _sum(cell.tally for cell in (*self.cells, *self.others))

    def rows(self) -> list[Row]:
        """One for each day, in order; or for each name, what cost most first."""
        if self.names and self.by is not By.DAY:
            return list(self.names)
        groups: dict[Key, list[Tally]] = {}
        for cell in self.cells:
            groups.setdefault(cell.day if self.by is By.DAY else cell.name, []).append(cell.tally)
        rows = [Row(key, _sum(tallies)) for key, tallies in groups.items()]
        return rows if self.by is By.DAY else sorted(rows, key=lambda row: row.tally.rank(row.key))

    def by_day(self) -> Report:
        """The same by day alone."""
        cells = cells_of((cell.day, None, cell.tally) for cell in (*self.cells, *self.others))
        return replace(self, by=By.DAY, cells=cells, names=(), others=())


@dataclass(frozen=True, slots=True)
class Comparison:
    """The ledger and the mirror over one period, trace by trace."""

    since: datetime | None
    until: datetime | None
    differences: tuple[DifferenceTally, ...]
    """One for each kind that there is. Without sample traffic their amounts add up to what both sides know."""

    @property
    def ledger_usd(self) -> float | None:
        """What is known of the cost, without sample traffic; None where none of it is."""
        ours = [one for one in self.differences if one.kind is not Difference.SAMPLE]
        known = [one.ledger_usd for one in ours if one.ledger_usd is not None]
        return sum(known) if any(known) or not any(one.ledger_unpriced for one in ours) else None

    @property
    def mirror_usd(self) -> float | None:
        """Likewise."""
        known = [one.mirror_usd for one in self.differences if one.mirror_usd is not None]
        return sum(known) if any(known) or not any(one.mirror_unpriced for one in self.differences) else None

    @property
    def apart_usd(self) -> float | None:
        """What the ledger knows more of; None where a side knows nothing."""
        ours, theirs = self.ledger_usd, self.mirror_usd
        return None if ours is None or theirs is None else ours - theirs


def cells_of(found: Iterable[tuple[date, str | None, Tally]]) -> tuple[Cell, ...]:
    """Adds up what has the same day and name."""
    sums: dict[tuple[date, str | None], Tally] = {}
    for day, name, tally in found:
        sums[day, name] = sums[day, name] + tally if (day, name) in sums else tally
    cells = [Cell(day, name, tally) for (day, name), tally in sums.items()]
    return tuple(sorted(cells, key=lambda cell: (cell.day, cell.name is not None, cell.name or "")))


def unpriced_rows(found: Iterable[tuple[Key, Tally]]) -> tuple[Row, ...]:
    """What has no price, by model and no more: the most tokens first."""
    groups: dict[Key, list[Tally]] = {}
    for name, tally in found:
        if tally.unpriced_calls:
            groups.setdefault(name, []).append(tally)
    sums = {name: _sum(tallies) for name, tallies in groups.items()}
    rows = [Row(name, one.unpriced) for name, one in sums.items()]
    return tuple(sorted(rows, key=lambda row: (-row.tally.unpriced_tokens, -row.tally.unpriced_calls, str(row.key))))


def _sum(tallies: Iterable[Tally]) -> Tally:
    return sum(tallies, Tally())
