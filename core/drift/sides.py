"""What a report's sides are called, and rows of one. Loads nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class Side(StrEnum):
    REFERENCE = "reference"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bin or value in the distribution of a column."""

    column: str
    place: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one side."""

    table: pd.DataFrame
    of: int
    """How many the side has."""
