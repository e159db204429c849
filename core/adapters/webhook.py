"""A webhook that takes what Slack's incoming webhooks take: ``POST {"text": …}``."""

from __future__ import annotations

import requests

from core.errors import CuepointError

TIMEOUT_S = 5.0
_SUCCESS = 2
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class WebhookError(CuepointError):
    """It was not taken. The message holds no address: that is a secret."""


class Webhook:
    """Safe for all threads. ``timeout_s`` is for each of connecting, sending and the answer's head."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._url = url
        self._timeout_s = timeout_s

    def send(self, text: str) -> None:
        """Raises WebhookError. The answer's body is not read."""
        try:
            with requests.post(
                self._url,
                json={"text": text.translate(_ESCAPES)},
                timeout=self._timeout_s,
                allow_redirects=False,
                stream=True,
            ) as answer:
                code = answer.status_code
        except requests.Timeout:
            raise WebhookError(f"The webhook did not answer within {self._timeout_s:g} s") from None
        except (requests.RequestException, ValueError) as error:
            raise WebhookError(f"The webhook cannot be reached ({type(error).__name__})") from None
        if code // 100 != _SUCCESS:
            raise WebhookError(f"The webhook answered {code}")
