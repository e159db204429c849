"""What a process that makes a report, or sample traffic, is told."""

from __future__ import annotations

import json
from pathlib import Path

from core.config import Settings, load_settings
from core.errors import SettingsError


def order_line(settings: Settings, report_id: str = "") -> str:
    """One line of JSON for the process's standard input. It may hold the database's password: not for a file."""
    values = {"data_dir": str(settings.data_dir), "database_url": settings.ledger_url}
    if settings.openai_base_url:  # by which prices are found
        values["openai_base_url"] = settings.openai_base_url
    return json.dumps({"folder": str(Path.cwd()), "settings": values, "report_id": report_id})


def read_order(line: str) -> tuple[Path, Settings, str]:
    """The folder that relative paths begin at, the settings and the report's id. Raises SettingsError."""
    try:
        order = json.loads(line)
        folder, values, report_id = Path(order["folder"]), dict(order["settings"]), str(order["report_id"])
    except (ValueError, TypeError, KeyError):
        hint = "The app starts this program by itself; by hand use: python -m core drift"
        raise SettingsError("Standard input names no work", hint=hint) from None
    return folder, load_settings(_env_file=None, **values), report_id
