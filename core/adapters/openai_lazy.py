"""The SDK's client, made when it is first needed: importing the SDK takes a second."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from core.adapters.openai_access import Access

if TYPE_CHECKING:
    from core.adapters.openai_endpoint import Endpoint


class LazyEndpoint:
    """Makes one Endpoint for all threads."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._endpoint: Endpoint | None = None

    def get(self) -> Endpoint:
        with self._lock:
            if self._endpoint is None:
                from core.adapters.openai_endpoint import Endpoint  # noqa: PLC0415 - see the module's docstring

                self._endpoint = Endpoint(self._access)
            return self._endpoint
