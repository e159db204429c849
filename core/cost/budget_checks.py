"""Whether a budget can be one. Pure."""

from __future__ import annotations

import math

from core.errors import InputError
from core.ledger import BudgetScope
from core.ledger.budget_values import NANO
from core.phrases import one_line

MOST_USD = 1e9
"""Beyond it nano-dollars would not fit in a whole number of the database."""
LONGEST_NAME = 100
LONGEST_SUBJECT = 200


def checked_limit(limit_usd: float) -> int:
    """Nano-dollars. Raises InputError with the subject ``limit``."""
    if not math.isfinite(limit_usd):
        raise InputError("The limit is no number", subject="limit", hint="Give US dollars, such as 25.")
    if limit_usd < 0:
        raise InputError("The limit is negative", subject="limit", hint="Give 0 or more; 0 lets nothing through.")
    if limit_usd > MOST_USD:
        raise InputError(f"The limit is more than ${MOST_USD:,.0f}", subject="limit", hint="Leave the budget out.")
    return round(limit_usd * NANO)


def checked_share(warn_at: float) -> float:
    """Raises InputError with the subject ``warn_at``."""
    if not 0 < warn_at <= 1:
        hint = "Give a share above 0 and up to 1, such as 0.8."
        raise InputError(f"A budget cannot warn at {warn_at:g} of its limit", subject="warn_at", hint=hint)
    return warn_at


def checked_subject(scope: BudgetScope, subject: str) -> str:
    """Raises InputError with the subject ``subject``."""
    subject = subject.strip()
    if scope is BudgetScope.ALL:
        if subject:
            raise InputError("A budget for all is not for one person or model", subject="subject", hint="Leave it out.")
        return ""
    noun = "person" if scope is BudgetScope.USER else "model"
    if not subject:
        raise InputError(f"The {noun} has no name", subject="subject", hint=f"Name the {noun} as the traces do.")
    return _readable(subject, f"The {noun}'s name", "subject", LONGEST_SUBJECT)


def checked_name(name: str) -> str:
    """Raises InputError with the subject ``name``."""
    return _readable(name.strip(), "The budget's name", "name", LONGEST_NAME)


def _readable(text: str, what: str, field: str, longest: int) -> str:
    if len(text) > longest:
        raise InputError(f"{what} has {len(text):,} characters", subject=field, hint=f"Use at most {longest}.")
    if one_line(text) != text:
        raise InputError(f"{what} has characters that cannot be seen", subject=field, hint="Type it anew.")
    return text
