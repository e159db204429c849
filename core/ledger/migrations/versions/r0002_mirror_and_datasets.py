"""Delivery to a mirror, what was read back from it, versions of the data, corrections of answers."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("traces", sa.Column("library_version", sa.Text))
    op.create_index("ix_traces_library_version", "traces", ["library_version"])
    _spending()
    op.add_column("feedback", sa.Column("correction", sa.Text, nullable=False, server_default=""))
    _hash_chunks()
    _outbox()
    _mirror()
    _datasets()


def _spending() -> None:
    """The index by time gets everything that sums of spending need."""
    op.drop_index("ix_traces_started_at", "traces")
    names = ["started_at", "kind", "status", "user", "template", "model", "cached"]
    counted = ["prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "cost_usd", "trace_id"]
    op.create_index("ix_traces_spending", "traces", names + counted)


def _hash_chunks() -> None:
    """Each video gets the hash over its chunks that later ones are saved with."""
    op.add_column("videos", sa.Column("chunks_hash", sa.Text, nullable=False, server_default=""))
    videos = sa.table("videos", sa.column("video_id"), sa.column("chunks_hash"))
    chunks = sa.table("chunks", sa.column("video_id"), sa.column("part_id"), sa.column("index_hash"))
    connection = op.get_bind()
    for (video_id,) in connection.execute(sa.select(videos.c.video_id)).all():
        query = sa.select(chunks.c.index_hash).where(chunks.c.video_id == video_id).order_by(chunks.c.part_id)
        hashes = connection.execute(query).scalars()
        value = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
        connection.execute(sa.update(videos).where(videos.c.video_id == video_id).values(chunks_hash=value))


def _outbox() -> None:
    """The table is made anew: rows of other kinds name no trace, and SQLite cannot drop a foreign key.

    A thumb waits for its trace from now on, so a trace that has only a thumb in the outbox gets a row.
    """
    op.execute("CREATE TABLE outbox_before AS SELECT * FROM outbox")
    op.drop_table("outbox")
    op.create_table(
        "outbox",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("sent_version", sa.Integer),
        sa.Column("unsure", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text),
        sa.Column("document", sa.Text),
        sa.PrimaryKeyConstraint("kind", "id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_state", "outbox", ["state", "next_at", "queued_at"])
    op.execute(
        "INSERT INTO outbox "
        "(kind, id, state, version, sent_version, unsure, attempts, queued_at, next_at, sent_at, error) "
        "SELECT kind, id, state, version, CASE WHEN state = 'sent' THEN version END, FALSE, attempts, "
        "queued_at, next_at, sent_at, error FROM outbox_before"
    )
    op.execute(
        "INSERT INTO outbox (kind, id, state, version, unsure, attempts, queued_at, next_at) "
        "SELECT 'trace', id, 'pending', 1, FALSE, 0, queued_at, next_at FROM outbox_before WHERE kind = 'feedback' "
        "AND id NOT IN (SELECT id FROM outbox_before WHERE kind = 'trace')"
    )
    op.drop_table("outbox_before")


def _mirror() -> None:
    op.create_table(
        "mirror_state",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mirror_state"),
    )
    op.create_table(
        "mirrored_traces",
        sa.Column("record_id", sa.Text, nullable=False),
        sa.Column("trace_id", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("prompt_tokens", sa.BigInteger),
        sa.Column("completion_tokens", sa.BigInteger),
        sa.Column("cached_tokens", sa.BigInteger),
        sa.Column("reasoning_tokens", sa.BigInteger),
        sa.Column("total_tokens", sa.BigInteger),
        sa.Column("cost_usd", sa.Double),
        sa.Column("latency_ms", sa.Double),
        sa.Column("feedback", sa.Integer),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("record_id", name="pk_mirrored_traces"),
    )
    op.create_index("ix_mirrored_traces_day", "mirrored_traces", ["day", "model"])
    op.create_index("ix_mirrored_traces_trace_id", "mirrored_traces", ["trace_id"])
    op.create_index("ix_mirrored_traces_started_at", "mirrored_traces", ["started_at"])


def _datasets() -> None:
    op.create_table(
        "dataset_versions",
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("alias", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", BIG_KEY, nullable=False),
        sa.Column("bytes", BIG_KEY, nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_dataset_versions"),
    )
    op.create_index("ix_dataset_versions_kind", "dataset_versions", ["kind", "created_at"])
    op.create_table(
        "dataset_uses",
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", "kind", "id", name="pk_dataset_uses"),
    )
