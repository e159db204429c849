"""The SDK's errors in our words, and when to try again.

The SDK's own retries are off: they repeat an exhausted quota and know no bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import httpx2
import openai
import stamina

from core.adapters.openai_access import Access, Failure, Kind

_T = TypeVar("_T")

_MOST_PATIENCE_S = 15.0
"""A server that asks to wait longer than this is given up: a reader does not wait for it."""
_REFUSED, _TOO_MANY, _SERVER_ERROR = frozenset({400, 401, 403, 404, 405, 410, 413, 415, 422}), 429, 500


def explain(error: Exception, access: Access, model: str) -> Failure:
    """What an error of the SDK, or one met while reading an answer, means."""
    if isinstance(error, openai.APIStatusError):
        return _explain_status(error, access, model)
    if isinstance(error, openai.APITimeoutError):
        return Failure(Kind.UNREACHABLE, f"The model server {access.host} did not answer in time")
    if isinstance(error, openai.APIConnectionError):
        return _explain_connection(error, access)
    if isinstance(error, openai.APIError):  # an error inside a stream
        kind = Kind.BUSY if is_quota(error) or "rate" in (error.code or "") else Kind.UNREACHABLE
        return Failure(kind, f"The model server {access.host} broke off the answer ({_quoted(error, access)})")
    hint = "Check OPENAI_BASE_URL: it usually ends in /v1."
    return Failure(Kind.UNREACHABLE, f"The answer of {access.host} is not that of an OpenAI-compatible server", hint)


def _explain_status(error: openai.APIStatusError, access: Access, model: str) -> Failure:
    status, server = error.status_code, f"The model server {access.host}"
    if status == 401:  # noqa: PLR2004 - HTTP's own names say less
        return Failure(Kind.REFUSED, f"{server} rejected the key", "Check OPENAI_API_KEY.", rejects="key")
    if status == 403:  # noqa: PLR2004
        hint = f"Check OPENAI_API_KEY and {access.variable}."
        return Failure(Kind.REFUSED, f"{server} does not let this key use {model}", hint, rejects="model")
    if status == 404:  # noqa: PLR2004
        hint = f"Check {access.variable} and OPENAI_BASE_URL."
        return Failure(Kind.REFUSED, f"{server} has no model {model} at this address", hint, rejects="model")
    if status == _TOO_MANY:
        return _explain_busy(error, access)
    if status in _REFUSED:
        said = f"{server} rejected the request with status {status} ({_quoted(error, access)})"
        rejects = "model" if error.code == "model_not_found" else "request"
        return Failure(Kind.REFUSED, said, f"Check {access.variable}.", rejects=rejects)
    return Failure(Kind.UNREACHABLE, f"{server} failed with status {status}", "Try again later.", may_cost=False)


def _explain_busy(error: openai.APIStatusError, access: Access) -> Failure:
    if is_quota(error):
        hint = "Check the account's plan, or set another OPENAI_API_KEY."
        return Failure(Kind.BUSY, f"The quota of the key at {access.host} is used up", hint, lasting=True)
    wait = _retry_after_s(error)
    hint = "Try again in a minute." if wait is None else f"Try again in {wait:.0f} s."
    return Failure(Kind.BUSY, f"The model server {access.host} has too many requests", hint, retry_after_s=wait)


def _explain_connection(error: openai.APIConnectionError, access: Access) -> Failure:
    if isinstance(error.__cause__, httpx2.ConnectError):
        hint = "Check that it runs, and OPENAI_BASE_URL."
        return Failure(Kind.UNREACHABLE, f"The model server {access.host} cannot be reached", hint, may_cost=False)
    return Failure(Kind.UNREACHABLE, f"The connection to the model server {access.host} broke off", "Try again.")


def _quoted(error: openai.APIError, access: Access) -> str:
    """The server's own sentence on one line, bounded and without the key."""
    text = " ".join(error.message.split())
    if access.key:
        text = text.replace(access.key, "…")
    return text if len(text) <= 200 else text[:199] + "…"  # noqa: PLR2004 - one line of a screen


def with_retries(
    call: Callable[[], _T],
    *,
    attempts: int,
    timeout_s: float,
    stopped: Callable[[], bool] = lambda: False,
    when_busy: bool = True,
) -> _T:
    """The call's result, tried again with backoff on 429, 5xx and a connection that did not come about.

    ``Retry-After`` is honoured up to a bound; an exhausted quota is not tried again, and a 429 not without
    ``when_busy``. Raises the last error.
    """

    def backoff(error: Exception) -> bool | float:
        if stopped() or (not when_busy and isinstance(error, openai.RateLimitError)):
            return False
        return _pause(error)

    retrying = stamina.retry_context(
        on=backoff, attempts=attempts, timeout=timeout_s, wait_initial=0.25, wait_max=5.0, wait_jitter=0.25
    )
    for attempt in retrying:
        with attempt:
            return call()
    raise AssertionError("stamina returns or raises")


def is_quota(error: openai.APIError) -> bool:
    return "insufficient_quota" in (error.code, error.type)


def _pause(error: Exception) -> bool | float:
    """False: do not try again. True: after the usual backoff. A number: after so many seconds."""
    if isinstance(error, openai.APIStatusError):
        again = error.status_code >= _SERVER_ERROR or (error.status_code == _TOO_MANY and not is_quota(error))
        wait = _retry_after_s(error)
        if not again or wait is None:
            return again
        return wait if wait <= _MOST_PATIENCE_S else False
    return isinstance(error, openai.APIConnectionError) and not isinstance(error, openai.APITimeoutError)


def _retry_after_s(error: openai.APIStatusError) -> float | None:
    """The header in seconds; its other form, a date, is not used by model servers."""
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
