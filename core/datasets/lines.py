"""A video as one line of data.jsonl, and back. Pure, and the same content gives the same bytes.

Times are kept to the millisecond, which is what the content hashes compare.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.ledger import KeptVideo, VideoFacts
from core.ledger.codec import dump_json, load_json, measured
from core.models import Chunk, Cue, Segment, Transcript, Video, VideoKind

Document = Mapping[str, Any]

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What UTF-8 has no form for, or what a reader may take for the end of a line."""


def json_line(document: Document) -> bytes:
    r"""The document as one line of UTF-8 that any reader accepts; a number that is not finite becomes null.

    >>> json_line({"text": "naïve\n", "score": float("nan")})
    b'{"text":"na\xc3\xafve\\n","score":null}\n'
    """
    try:
        text = _ENCODER.encode(document)
    except (ValueError, TypeError):
        text = _ENCODER.encode(load_json(dump_json(document)))
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode() + b"\n"


def video_document(kept: KeptVideo) -> dict[str, Any]:
    """The line of a video: its fields, its caption lines, its chunks with cues, windows and hashes."""
    video = kept.transcript.video
    return {
        "video_id": video.video_id,
        "title": video.title,
        "channel": video.channel,
        "language": video.language,
        "kind": str(video.kind),
        "source": video.source,
        "duration_s": video.duration_s,
        "note": video.note,
        "content_hash": kept.content_hash,
        "chunks_hash": kept.chunks_hash,
        "segments": [
            {"text": line.text, "start_s": _ms(line.start_s), "duration_s": _ms(line.duration_s)}
            for line in kept.transcript.segments
        ],
        "chunks": [_chunk_document(chunk) for chunk in kept.chunks],
    }


def _chunk_document(chunk: Chunk) -> dict[str, Any]:
    return {
        "id": chunk.id,
        "part_id": chunk.part_id,
        "max_part_id": chunk.max_part_id,
        "text": chunk.text,
        "cues": [[cue.offset, _ms(cue.start_s), _ms(cue.end_s)] for cue in chunk.cues],
        "windows": [list(window) for window in chunk.windows],
        "content_hash": chunk.content_hash,
    }


def _ms(seconds: float) -> float:
    return round(float(seconds), 3)


def kept_video(document: Document) -> KeptVideo:
    """The inverse of video_document."""
    video = _video_of(document)
    segments = tuple(
        Segment(line["text"], measured(line["start_s"]), measured(line["duration_s"])) for line in document["segments"]
    )
    chunks = tuple(_chunk_of(video.video_id, part) for part in document["chunks"])
    return KeptVideo(Transcript(video, segments), chunks, document["content_hash"], document["chunks_hash"])


def facts_of(document: Document) -> VideoFacts:
    """What a line is compared by."""
    hashes = {part["id"]: part["content_hash"] for part in document["chunks"]}
    return VideoFacts(_video_of(document), document["content_hash"], document["chunks_hash"], hashes)


def _video_of(document: Document) -> Video:
    return Video(
        document["video_id"],
        document["title"],
        document["channel"],
        document["language"],
        VideoKind(document["kind"]),
        document["source"],
        measured(document["duration_s"]),
        document["note"],
    )


def _chunk_of(video_id: str, part: Document) -> Chunk:
    return Chunk(
        video_id, part["part_id"], part["max_part_id"], part["text"], tuple(_cues(part["cues"])),
        tuple((begin, end) for begin, end in part["windows"]),
    )  # fmt: skip


def _cues(cues: Sequence[Sequence[Any]]) -> Iterator[Cue]:
    for offset, start_s, end_s in cues:
        yield Cue(offset, measured(start_s), measured(end_s))
