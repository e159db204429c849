"""Where the records go: what the worker process is told, and what the status says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.config import Settings, load_settings
from core.errors import SettingsError
from core.models import digest

_NEEDED = (
    "data_dir",
    "comet_workspace",
    "comet_project_name",
    "comet_url_override",
    "comet_timeout_s",
    "dataset_upload_mb",
)


def target_of(settings: Settings) -> str:
    """Workspace and project for people, and a digest that changes with the key and the address too."""
    key = settings.comet_api_key.get_secret_value() if settings.comet_api_key else ""
    workspace, project = settings.comet_workspace or "", settings.comet_project_name or ""
    parts = (key, workspace, project, settings.comet_url_override or "")
    return f"{workspace or 'default workspace'}/{project or 'default project'} {digest(chr(10).join(parts))[:12]}"


def settings_document(settings: Settings) -> str:
    """The settings that a sending process needs, as one line of JSON. It holds secrets: for a pipe, not for a file."""
    values: dict[str, Any] = {name: getattr(settings, name) for name in _NEEDED}
    values["data_dir"] = str(settings.data_dir)
    values["database_url"] = settings.ledger_url
    values["comet_api_key"] = settings.comet_api_key.get_secret_value() if settings.comet_api_key else None
    return json.dumps({"folder": str(Path.cwd()), "settings": values})


def settings_from(line: str) -> tuple[Path, Settings]:
    """The folder that relative paths begin at, and the settings. Raises SettingsError."""
    try:
        document = json.loads(line)
        folder, values = Path(document["folder"]), dict(document["settings"])
    except (ValueError, TypeError, KeyError):
        hint = "The app starts this program by itself; by hand use: python -m core sync"
        raise SettingsError("Standard input gives no settings", hint=hint) from None
    return folder, load_settings(_env_file=None, **values)
