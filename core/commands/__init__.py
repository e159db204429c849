"""Commands that are more than a few lines each; core/__main__.py puts them on the command line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Annotated

import typer

from core.services import Services

Open = Callable[[], AbstractContextManager[Services]]
"""Opens the services for one command and closes them afterwards."""
Sample = Annotated[bool, typer.Option("--sample", help="Sample traffic, instead of what was really asked.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
