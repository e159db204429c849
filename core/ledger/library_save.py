"""One transaction that makes the ledger hold a video as given, and touches only what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update

from core.errors import EmbeddingError
from core.ledger.codec import segments_document
from core.ledger.library_rows import FreshChunk, chunk_values, vector_values
from core.ledger.schema import chunks, embedders, library_state, transcripts, vectors, videos
from core.models import Transcript


@dataclass(slots=True)
class Plan:
    """What has to be written for the chunks of one video."""

    insert: list[FreshChunk] = field(default_factory=list)
    embed: list[FreshChunk] = field(default_factory=list)
    """Rows that stay and lack vectors of this embedder."""
    relabel: list[FreshChunk] = field(default_factory=list)
    """Rows that stay, with another title, channel, language or number of parts."""
    delete: list[int] = field(default_factory=list)
    """Keys of rows that are gone or replaced."""

    def __bool__(self) -> bool:
        return bool(self.insert or self.embed or self.relabel or self.delete)


def lock_revision(connection: Connection) -> int:
    """The library's revision. On PostgreSQL its row is locked, so that writers of the library take turns."""
    return int(connection.execute(select(library_state.c.revision).with_for_update()).scalar_one())


def set_revision(connection: Connection, revision: int) -> None:
    connection.execute(update(library_state).values(revision=revision))


def write_video(
    connection: Connection,
    transcript: Transcript,
    values: dict[str, Any],
    fresh: Sequence[FreshChunk],
    embedder_id: int | None,
    *,
    revision: int,
    now: datetime,
) -> int:
    """Returns the library's revision afterwards: the given one where nothing differed."""
    old = connection.execute(select(videos).where(videos.c.video_id == values["video_id"])).mappings().one_or_none()
    plan = _plan(connection, values["video_id"], fresh, embedder_id)
    same_video = old is not None and all(old[name] == value for name, value in values.items())
    if same_video and not plan:
        return revision
    revision += 1
    row = values | {"revision": revision}
    if old is None:
        connection.execute(insert(videos).values(added_at=now, **row))
    else:
        connection.execute(update(videos).where(videos.c.video_id == values["video_id"]).values(row))
    if old is None or old["content_hash"] != values["content_hash"]:
        _write_transcript(connection, transcript)
    _write_chunks(connection, plan, embedder_id, revision)
    set_revision(connection, revision)
    return revision


def embedder_key(connection: Connection, identity: str, dimensions: int) -> int:
    """The key of an embedder, made where it is new. Raises EmbeddingError where its vectors had another length."""
    known = connection.execute(select(embedders).where(embedders.c.identity == identity)).one_or_none()
    if known is None:
        new = insert(embedders).values(identity=identity, dimensions=dimensions).returning(embedders.c.embedder_id)
        return int(connection.execute(new).scalar_one())
    if known.dimensions != dimensions:
        message = f"The embedder {identity} gave {dimensions} numbers a text, but {known.dimensions} before"
        raise EmbeddingError(message, subject=identity, hint="Give a changed model another name.")
    return int(known.embedder_id)


def _plan(connection: Connection, video_id: str, fresh: Sequence[FreshChunk], embedder_id: int | None) -> Plan:
    held = and_(vectors.c.chunk_key == chunks.c.chunk_key, vectors.c.embedder_id == embedder_id)
    query = (
        select(
            chunks.c.chunk_key,
            chunks.c.chunk_id,
            chunks.c.content_hash,
            chunks.c.index_hash,
            chunks.c.max_part_id,
            vectors.c.chunk_key.label("embedded"),
        )
        .outerjoin(vectors, held)
        .where(chunks.c.video_id == video_id)
    )
    old = {row.chunk_id: row for row in connection.execute(query)}
    plan = Plan()
    for item in fresh:
        row = old.pop(item.chunk.id, None)
        if row is None or row.content_hash != item.content_hash:
            plan.insert.append(item)
            if row is not None:
                plan.delete.append(row.chunk_key)
            continue
        if row.embedded is None:
            plan.embed.append(item)
        if row.index_hash != item.index_hash:
            plan.relabel.append(item)
    plan.delete.extend(row.chunk_key for row in old.values())
    return plan


def _write_transcript(connection: Connection, transcript: Transcript) -> None:
    video_id = transcript.video.video_id
    connection.execute(delete(transcripts).where(transcripts.c.video_id == video_id))
    segments = segments_document(transcript.segments)
    connection.execute(insert(transcripts).values(video_id=video_id, segments=segments))


def _write_chunks(connection: Connection, plan: Plan, embedder_id: int | None, revision: int) -> None:
    if plan.delete:
        gone = delete(chunks).where(chunks.c.chunk_key == bindparam("key"))
        connection.execute(gone, [{"key": key} for key in plan.delete])
    if plan.insert:
        connection.execute(insert(chunks), [chunk_values(item, revision) for item in plan.insert])
    if plan.relabel:
        _relabel(connection, plan.relabel, revision)
    missing = plan.insert + plan.embed
    if missing and embedder_id is not None:
        keys = _keys(connection, missing[0].chunk.video_id)
        rows = [vector_values(keys[item.chunk.id], embedder_id, item) for item in missing]
        connection.execute(insert(vectors), rows)


def _relabel(connection: Connection, items: Sequence[FreshChunk], revision: int) -> None:
    statement = (
        update(chunks)
        .where(chunks.c.chunk_id == bindparam("id"))
        .values(index_hash=bindparam("hash"), max_part_id=bindparam("parts"), revision=revision)
    )
    rows = [{"id": item.chunk.id, "hash": item.index_hash, "parts": item.chunk.max_part_id} for item in items]
    connection.execute(statement, rows)


def _keys(connection: Connection, video_id: str) -> dict[str, int]:
    query = select(chunks.c.chunk_id, chunks.c.chunk_key).where(chunks.c.video_id == video_id)
    return {row.chunk_id: row.chunk_key for row in connection.execute(query)}
