"""Versions of the data: the library, logged traces, feedback, each content-addressed."""

from core.datasets.comparing import ChangedVideo, Comparison, NamedVideo
from core.datasets.exports import Export
from core.datasets.service import Datasets
from core.datasets.values import Exported, Restoring, Saved

__all__ = [
    "ChangedVideo",
    "Comparison",
    "Datasets",
    "Export",
    "Exported",
    "NamedVideo",
    "Restoring",
    "Saved",
]
