"""What went wrong with Comet, in our words, and whether what was sent may have arrived all the same.

The server surely took nothing where no connection came about and where it says no as Comet does (4xx). After a
time-out, a cut answer, a server error or an answer that nobody can read it may have.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import requests

from core.adapters.comet_access import Access
from core.errors import MirrorError, MirrorKeyRejected, MirrorRefused, MirrorUnreachable

KEY_CODES = frozenset({90212})
"""Comet's own codes, as comet_ml's ``exceptions`` lists them: the key is not registered …"""
RIGHTS_CODES = frozenset({90219, 7000011})
"""… or has no rights where it wants to write, or there is no such workspace …"""
OTHER_KIND_CODE = 34323
"""… or the project holds experiments, not LLM records (comet_llm's ``backend_error_codes``)."""
MOST_RETRY_S = 3600.0
_MOST_SAID = 120
_SERVER_ERROR = 500
_NEVER_CONNECTED = frozenset({"NewConnectionError", "NameResolutionError"})
"""Classes of urllib3."""
_NOT_JSON = "answered with something that is no answer of Comet"


@contextlib.contextmanager
def explained(access: Access, subject: str = "") -> Iterator[None]:
    """Turns whatever requests and Comet's packages raise into ours."""
    try:
        yield
    except MirrorError:
        raise
    except Exception as error:
        raise mirror_error(error, access, subject) from error


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """For the imports of Comet's packages, whose failures are not Comet's."""
    try:
        yield
    except Exception as error:
        said = f"Comet's packages cannot be imported ({type(error).__name__})"
        raise MirrorUnreachable(said, unsure=False, hint="Install those of requirements.txt again.") from error


def doubted(error: MirrorError, *, unsure: bool, partly: bool) -> MirrorError:
    """The error of something that may have arrived before (``unsure``), or of which a part just did (``partly``).

    Then no failure is a sure one. What a part of arrived is not refused as a whole: the next attempt looks what is
    missing, and meets the refusal again.
    """
    if partly and not isinstance(error, MirrorUnreachable):
        return MirrorUnreachable(error.message, unsure=True, subject=error.subject, hint=error.hint)
    if isinstance(error, MirrorUnreachable) and (unsure or partly):
        error.unsure = True
    return error


def mirror_error(error: Exception, access: Access, subject: str = "") -> MirrorError:
    """What an error means. The text of a foreign error is never asked for: some of Comet's raise in ``str``."""
    for one in (error, error.__cause__):
        response = getattr(one, "response", None)
        if isinstance(response, requests.Response):
            return of_status(response.status_code, _json_of(response), access, subject, response.headers)
        if isinstance(one, requests.RequestException):
            return _of_request(one, access, subject)
        if isinstance(one, UnicodeEncodeError):  # a header's: the key is the only one that is not ours
            return _key_rejected(access)
    return _of_handshake(type(error).__name__, access, subject) or unreadable(access, subject)


def _of_handshake(name: str, access: Access, subject: str) -> MirrorError | None:
    """What comet_ml raises, by its class, where it makes an experiment."""
    if name == "InvalidAPIKey":
        return _key_rejected(access)
    if name in {"InvalidWorkspace", "ViewOnlyAccessException", "ServiceAccountWorkspaceRestricted"}:
        return _no_rights(access)
    if name == "MaxExperimentNumberReachedException":
        return MirrorKeyRejected(f"The Comet account has as many experiments as it may have ({access.host})")
    if name == "ExperimentCleaningException":
        return MirrorUnreachable(f"Comet ({access.host}) did not take every file", unsure=True, subject=subject)
    return other_kind(access, subject) if name == "ProjectConsideredLLM" else None


def of_status(
    status: int, content: Any, access: Access, subject: str = "", headers: Mapping[str, str] | None = None
) -> MirrorError:
    """What an answer with this status means; ``content`` is its JSON, of whatever form."""
    said = _said(content, access)
    if paused := _of_rights(status, content, said, access):
        return paused
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait, busy = _retry_after_s(headers), f"Comet ({access.host}) has too many requests"
        return MirrorUnreachable(busy, unsure=False, retry_after_s=wait, subject=subject)
    if _code(content) == OTHER_KIND_CODE:
        return other_kind(access, subject)
    if HTTPStatus.BAD_REQUEST <= status < _SERVER_ERROR and status != HTTPStatus.REQUEST_TIMEOUT:
        return _refused(status, said, content, access, subject)
    if status < HTTPStatus.BAD_REQUEST:
        return unreadable(access, subject)
    return MirrorUnreachable(f"Comet ({access.host}) failed with status {status}", unsure=True, subject=subject)


def _of_rights(status: int, content: Any, said: str, access: Access) -> MirrorKeyRejected | None:
    """What nothing can be sent with until somebody changes it."""
    code = _code(content)
    if status == HTTPStatus.UNAUTHORIZED or code in KEY_CODES:
        return _key_rejected(access)
    if (status == HTTPStatus.FORBIDDEN and isinstance(content, dict)) or code in RIGHTS_CODES:
        return _no_rights(access)
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return MirrorKeyRejected(f"The plan of the Comet account at {access.host} is used up{said}")
    return None


def other_kind(access: Access, subject: str = "") -> MirrorRefused:
    hint = "Set COMET_PROJECT_NAME to another name; Comet makes the project."
    said = f"The project {access.project} in Comet is of another kind: LLM records and experiments cannot share one"
    return MirrorRefused(said, subject=subject, hint=hint)


def unreadable(access: Access, subject: str = "") -> MirrorUnreachable:
    return MirrorUnreachable(f"Comet ({access.host}) {_NOT_JSON}", unsure=True, subject=subject, hint=_url_hint())


_NO_SUCH_PATH = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)


def _refused(status: int, said: str, content: Any, access: Access, subject: str) -> MirrorError:
    """A refusal in Comet's own form is one of the record."""
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return MirrorRefused(f"The record is too large for Comet{said}", subject=subject)
    if not isinstance(content, dict) or (status in _NO_SUCH_PATH and _code(content) is None):
        return _not_comets(status, access, subject)
    return MirrorRefused(f"Comet refuses it with status {status}{said}", subject=subject)


def _not_comets(status: int, access: Access, subject: str) -> MirrorUnreachable:
    """What stands at the address or before it says no: to everything, or, as a firewall does, to one text.

    Unsure, as it does not speak for Comet; so it may be the record's fault, and the others go on.
    """
    said = f"{access.host} says no in a form that is not Comet's (status {status})"
    return MirrorUnreachable(said, unsure=True, subject=subject, hint=_url_hint())


def _key_rejected(access: Access) -> MirrorKeyRejected:
    said = f"Comet ({access.host}) rejects the key"
    return MirrorKeyRejected(said, subject="COMET_API_KEY", hint="Check COMET_API_KEY.")


def _no_rights(access: Access) -> MirrorKeyRejected:
    hint = "Check COMET_WORKSPACE, or ask its owner for the right to write."
    return MirrorKeyRejected(f"The Comet key has no rights in {access.place}", subject="COMET_WORKSPACE", hint=hint)


def _url_hint() -> str:
    return "Check COMET_URL_OVERRIDE."


def _of_request(error: requests.RequestException, access: Access, subject: str) -> MirrorError:
    if isinstance(error, requests.exceptions.InvalidHeader):
        return _key_rejected(access)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return MirrorUnreachable(f"Comet ({access.host}) cannot be reached", unsure=False, subject=subject)
    if isinstance(error, requests.Timeout) or type(_reason(error)).__name__ == "ReadTimeoutError":
        return MirrorUnreachable(f"Comet ({access.host}) did not answer in time", unsure=True, subject=subject)
    if _never_connected(error):
        return MirrorUnreachable(
            f"Comet ({access.host}) cannot be reached", unsure=False, subject=subject, hint=_connection_hint(error)
        )
    if isinstance(error, ValueError):  # JSON that is none, or an address that is none
        sent = not isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema)
        said = f"Comet ({access.host}) {_NOT_JSON}" if sent else f"{access.host} is no address"
        return MirrorUnreachable(said, unsure=sent, subject=subject, hint=_url_hint())
    return MirrorUnreachable(f"The connection to Comet ({access.host}) broke off", unsure=True, subject=subject)


def _never_connected(error: requests.RequestException) -> bool:
    reason = _reason(error)
    if isinstance(error, requests.exceptions.SSLError):
        return isinstance(_innermost(reason), ssl.SSLCertVerificationError)
    return type(reason).__name__ in _NEVER_CONNECTED or isinstance(error, requests.exceptions.ProxyError)


def _reason(error: requests.RequestException) -> object:
    """What urllib3 gave up for: requests keeps it as an argument, urllib3 within its own error."""
    first = error.args[0] if error.args else None
    return getattr(first, "reason", first)


def _innermost(error: object) -> object:
    while isinstance(error, BaseException) and error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    return error


def _connection_hint(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "Its certificate is not one that this machine trusts."
    return "Check the proxy of this machine." if isinstance(error, requests.exceptions.ProxyError) else ""


def _json_of(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _code(content: Any) -> int | None:
    """Comet's own code of the reason."""
    code = content.get("sdk_error_code") if isinstance(content, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _said(content: Any, access: Access) -> str:
    """The server's sentence on one line, bounded and without the key; "" where it has none."""
    said = content.get("msg") if isinstance(content, dict) else None
    if not isinstance(said, str) or not said.strip():
        return ""
    line = " ".join(access.without_key(said)[: 4 * _MOST_SAID].split())
    return f" ({line if len(line) <= _MOST_SAID else line[: _MOST_SAID - 1] + '…'})"


def _retry_after_s(headers: Mapping[str, str] | None) -> float | None:
    """``Retry-After`` in either of its forms, seconds or a date."""
    value = (headers or {}).get("Retry-After", "")
    try:
        seconds = float(value) if value[:1].isdigit() else _seconds_until(parsedate_to_datetime(value))
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, seconds), MOST_RETRY_S)


def _seconds_until(moment: datetime) -> float:
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
