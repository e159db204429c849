"""One service's health, found out in a thread and remembered: pages show it without waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from core.errors import CuepointError
from core.models import ServiceHealth

AGAIN_AFTER_S = 60.0


class Probe:
    """Asks one service whether it works.

    ``ask`` returns what to say of it, or raises CuepointError; None: the service is switched off, and ``detail`` says
    what would switch it on.
    """

    def __init__(self, name: str, ask: Callable[[], str] | None, detail: str = "is starting") -> None:
        self._name = name
        self._ask = ask
        self._health = ServiceHealth(name, None, detail)
        self._asked_at = float("-inf")
        self._asking = threading.Lock()

    def health(self) -> ServiceHealth:
        """What the last look found; one that is old is renewed in the background."""
        self.start()
        return self._health

    def start(self) -> None:
        """Looks in a thread, at most once a minute."""
        if self._ask is not None and time.monotonic() - self._asked_at > AGAIN_AFTER_S:
            self._asked_at = time.monotonic()
            threading.Thread(target=self.look, name=f"probe-{self._name}", daemon=True).start()

    def look(self) -> ServiceHealth:
        """Looks now, in this thread."""
        if self._ask is not None:
            with self._asking:
                self._asked_at = time.monotonic()
                try:
                    self._health = ServiceHealth(self._name, True, self._ask())
                except CuepointError as error:
                    self._health = ServiceHealth(self._name, False, str(error))
        return self._health
