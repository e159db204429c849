"""The adapter's mirror over a fake Comet, for the files that test it; the fixtures are in conftest.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from core.adapters.comet import CometMirror
from core.config import Settings
from core.errors import MirrorError
from tests.fakes.comet_server import KEY

TIMEOUT_S, HASTY_S = 10.0, 0.5
"""Of tests whose server answers, however busy the machine is, and of those where it does not."""
SLOW_FAULTS = frozenset({"hang", "trickle", "commit-hang"})


def comet_settings(url: str, **changes: Any) -> Settings:
    given = {"comet_api_key": KEY, "comet_workspace": "team", "comet_project_name": "traces"}
    timing = {"comet_url_override": url, "comet_timeout_s": TIMEOUT_S}
    return Settings(_env_file=None, **(given | timing | changes))


@contextmanager
def opened(url: str, **changes: Any) -> Iterator[CometMirror]:
    mirror = CometMirror.from_settings(comet_settings(url, **changes))
    assert mirror is not None
    yield mirror
    mirror.close()


def failure(act: Callable[[], object]) -> MirrorError:
    with pytest.raises(MirrorError) as raised:
        act()
    return raised.value


def timeout_for(fault: str) -> float:
    return HASTY_S if fault in SLOW_FAULTS else TIMEOUT_S
