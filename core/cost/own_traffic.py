"""What was asked lately as a month of requests of one size, to compare it with machines of one's own."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from core.cost.report import By
from core.cost.service import Costs
from core.cost.what_if import DAYS_A_MONTH, Workload
from core.cost.zones import first_moment


def own_month(costs: Costs, zone: ZoneInfo, now: datetime, *, sample: bool = False) -> Workload | None:
    """The last thirty days, or those since the first question in them; None where no token was counted.

    Tokens of a search are means over all questions, quotes included, so that the month's tokens are those that were
    counted. Raises LibraryError.
    """
    today = now.astimezone(zone).date()
    since = first_moment(today - timedelta(days=DAYS_A_MONTH - 1), zone)
    by_day = costs.report(since=since, until=now, zone=zone, sample=sample)
    total = by_day.total
    if not total.tokens:
        return None
    days = (today - by_day.cells[0].day).days + 1
    users = len(costs.report(since=since, until=now, by=By.USER, zone=zone, sample=sample).rows())
    each = total.calls / users / days
    return Workload(users, each, total.prompt_tokens / total.calls, total.completion_tokens / total.calls)
