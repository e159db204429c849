"""The daily report: when it is due, whether it was made, and that each incident is told once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from core.drift.notifier import Notifier
from core.drift.service import COMMAND, Drift
from core.ledger import Ledger
from core.models import DriftReport, DriftVerdict
from core.phrases import one_line

SCHEDULE = "schedule"
NOTICE = "drift"
DAY = timedelta(days=1)
_LOOKED_AT = 200


def last_due(at: time, now: datetime) -> datetime:
    """The last moment, at ``at`` in UTC, that is not in the future."""
    today = datetime.combine(now.astimezone(UTC).date(), at.replace(tzinfo=None), UTC)
    return today if today <= now else today - DAY


def make_daily(drift: Drift, ledger: Ledger, due: datetime, now: datetime) -> str | None:
    """Makes the report that was due at ``due`` and waits for it; its id, or None where there is nothing to do.

    A missed day is caught up once: an older one is left out, and so is one that has its report, unless that failed with
    its process. Raises LibraryError.
    """
    if now - due >= DAY or was_made(ledger, due):
        return None
    report_id = drift.start(origin=SCHEDULE)
    drift.wait(report_id)
    return report_id


def was_made(ledger: Ledger, due: datetime) -> bool:
    """Whether a daily report since then is finished or under way in a living process."""
    ledger.drift.fail_dead()
    return any(
        report.origin == SCHEDULE and report.created_at >= due and report.state != "failed"
        for report in ledger.drift.list(_LOOKED_AT)
    )


def teller(ledger: Ledger, notifier: Notifier) -> Callable[[DriftReport], None]:
    """Tells of the first report of an incident, where a schedule or a command made it: a page has a reader already.

    Of sample traffic nobody is told.
    """

    def tell(report: DriftReport) -> None:
        if report.origin in (SCHEDULE, COMMAND) and not report.sample and report.verdict is DriftVerdict.DRIFT:
            incident = ledger.drift.incident(report.report_id)
            notifier.notify(NOTICE, incident, f"Cuepoint: {one_line(report.sentence)}")

    return tell
