"""Which chat models experiments may call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.errors import SettingsError
from core.ports import ChatModel


@dataclass(frozen=True, slots=True)
class LabModels:
    """The chat models that experiments may call."""

    default: ChatModel | None
    by_name: Callable[[str], ChatModel] | None
    """None where no model server is configured."""
    server: str
    """The server's address."""

    def get(self, name: str) -> ChatModel:
        """The default one where it is meant: its connections are open. Raises SettingsError without a model server."""
        if self.default is not None and self.default.name == name:
            return self.default
        if self.by_name is not None:
            return self.by_name(name)
        if self.default is not None:
            return self.default
        raise _no_model()

    def default_name(self) -> str:
        """Raises SettingsError."""
        if self.default is None or not self.default.name:
            raise _no_model()
        return self.default.name


def _no_model() -> SettingsError:
    return SettingsError(
        "There is no chat model for experiments",
        subject="OPENAI_API_KEY",
        hint="Set OPENAI_API_KEY or OPENAI_BASE_URL.",
    )
