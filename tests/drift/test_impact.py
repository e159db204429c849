"""What the part that makes the difference is called."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.drift.columns import ColumnKind, ColumnPair
from core.drift.impact import impact_of


def test_ranges_that_touch_are_one_range() -> None:
    before, after = pd.Series(np.arange(200.0)), pd.Series(np.arange(140.0, 200.0).repeat(4))
    found = impact_of(ColumnPair("x", ColumnKind.NUMBER, before, after), None, pd.DataFrame({"x": after}))
    assert found is not None
    assert found["rows"].startswith("in the range ")
    assert " and " not in found["rows"]
    assert found["part"]["rows"] == 240
