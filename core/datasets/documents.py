"""Versions and comparisons as JSON, for the command line."""

from __future__ import annotations

from typing import Any

from core.datasets.comparing import ChangedVideo, Comparison, NamedVideo
from core.datasets.values import Exported
from core.ledger import DatasetVersion

Document = dict[str, Any]


def export_document(exported: Exported) -> Document:
    """What ``export`` prints."""
    return {"file": str(exported.file), "rows": exported.rows, "version": exported.version}


def dataset_document(version: DatasetVersion) -> Document:
    """A saved version, as ``dataset list`` prints it."""
    return {
        "version": version.version,
        "kind": str(version.kind),
        "name": version.alias,
        "note": version.note,
        "created_at": version.created_at.isoformat().replace("+00:00", "Z"),
        "rows": version.rows,
        "bytes": version.bytes,
        "answers": version.answers,
    }


def comparison_document(found: Comparison) -> Document:
    """What ``dataset compare`` prints: from ``before`` to ``after``; chunks by their ids."""
    return {
        "before": found.before,
        "after": found.after,
        "same": found.same,
        "added": [_named(video) for video in found.added],
        "removed": [_named(video) for video in found.removed],
        "changed": [_changed(video) for video in found.changed],
        "chunks": {
            "added": list(found.chunks_added),
            "removed": list(found.chunks_removed),
            "changed": list(found.chunks_changed),
        },
        "notices": list(found.notices),
    }


def _named(video: NamedVideo) -> Document:
    return {"video_id": video.video_id, "title": video.title, "chunks": len(video.chunks)}


def _changed(video: ChangedVideo) -> Document:
    counts = {"added": len(video.added), "removed": len(video.removed), "changed": len(video.changed)}
    return {"video_id": video.video_id, "title": video.title, "what": list(video.what), "chunks": counts}
