"""One small POST, for many at once: the SDK's way through its client and httpx takes three times as much of a core.

Only the happy end is handled here. Everything else becomes the error that the SDK would raise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
import openai
import urllib3

from core.adapters.openai_access import Access

_CONNECTIONS = 64
_OK = 200
_ELSEWHERE = frozenset({301, 302, 303, 307, 308})
_SERVER_ERROR = 500
_STATUS_ERRORS: Mapping[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
}


class DirectPost:
    """Posts JSON to one server over kept connections. Safe for threads."""

    def __init__(self, access: Access, headers: Mapping[str, str]) -> None:
        limits = access.timeouts
        self._url = f"{access.base_url.rstrip('/')}/chat/completions"
        self._path = urlsplit(self._url)._replace(scheme="", netloc="").geturl()
        secure = {"ssl_context": httpx2.create_ssl_context()} if self._url.startswith("https:") else {}
        self._pool = urllib3.connection_from_url(
            self._url,
            maxsize=_CONNECTIONS,
            headers=dict(headers),
            timeout=urllib3.Timeout(connect=limits.connect_s, read=limits.total_s),
            **secure,
        )

    @staticmethod
    def can_reach(access: Access) -> bool:
        """False where the way to the server goes through a proxy, which the SDK's client knows how to use."""
        parts = urlsplit(access.base_url)
        proxies = getproxies()
        proxied = parts.scheme in proxies or "all" in proxies
        return not proxied or bool(proxy_bypass(parts.netloc))

    def post(self, body: Mapping[str, Any]) -> bytes | None:
        """The body of the answer; None where the server sends us elsewhere, which the SDK's client knows how to follow.

        Raises what the SDK raises for a failed request.
        """
        content = json.dumps(body).encode()
        try:
            reply = self._pool.urlopen("POST", self._path, content, retries=False, redirect=False)
        except (urllib3.exceptions.ReadTimeoutError, TimeoutError) as error:
            raise openai.APITimeoutError(request=self._request()) from error
        except urllib3.exceptions.HTTPError as error:
            raise openai.APIConnectionError(request=self._request()) from _cause(error)
        if reply.status in _ELSEWHERE:
            return None
        if reply.status != _OK:
            raise _status_error(self._request(), reply.status, dict(reply.headers), reply.data)
        return reply.data

    def _request(self) -> httpx2.Request:
        """What an error of the SDK holds; made for errors only."""
        return httpx2.Request("POST", self._url)


def _cause(error: urllib3.exceptions.HTTPError) -> Exception:
    """A connection that did not come about, in httpx's words."""
    reason = getattr(error, "reason", error)
    refused = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    return httpx2.ConnectError(str(reason)) if isinstance(reason, refused) else error


def _status_error(
    request: httpx2.Request, status: int, headers: Mapping[str, str], content: bytes
) -> openai.APIStatusError:
    response = httpx2.Response(status, headers=headers, content=content, request=request)
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    detail = body.get("error", body) if isinstance(body, dict) else body
    message = detail.get("message") if isinstance(detail, dict) else None
    kind = openai.InternalServerError if status >= _SERVER_ERROR else _STATUS_ERRORS.get(status, openai.APIStatusError)
    said = f"Error code: {status}" + (f" - {message}" if isinstance(message, str) and message else "")
    return kind(said, response=response, body=detail)
