"""Library, traces, outbox, processes and jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _library()
    _traces()
    _jobs()


def _library() -> None:
    op.create_table(
        "embedders",
        sa.Column("embedder_id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("dimensions", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("embedder_id", name="pk_embedders"),
        sa.UniqueConstraint("identity", name="uq_embedders_identity"),
    )
    op.create_table(
        "library_state",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("revision", BIG_KEY, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_library_state"),
    )
    op.create_table(
        "videos",
        sa.Column("video_id", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("duration_s", sa.Double),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("chunk_count", sa.Integer, nullable=False),
        sa.Column("char_count", BIG_KEY, nullable=False),
        sa.Column("revision", BIG_KEY, nullable=False),
        sa.PrimaryKeyConstraint("video_id", name="pk_videos"),
    )
    op.create_index("ix_videos_kind", "videos", ["kind"])
    op.create_table(
        "chunks",
        sa.Column("chunk_key", BIG_KEY, autoincrement=True, nullable=False),
        sa.Column("chunk_id", sa.Text, nullable=False),
        sa.Column("video_id", sa.Text, nullable=False),
        sa.Column("part_id", sa.Integer, nullable=False),
        sa.Column("max_part_id", sa.Integer, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("index_hash", sa.Text, nullable=False),
        sa.Column("revision", BIG_KEY, nullable=False),
        sa.Column("cues", sa.LargeBinary, nullable=False),
        sa.Column("windows", sa.LargeBinary, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("chunk_key", name="pk_chunks"),
        sa.ForeignKeyConstraint(
            ["video_id"], ["videos.video_id"], name="fk_chunks_video_id_videos", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("chunk_id", name="uq_chunks_chunk_id"),
    )
    op.create_index("ix_chunks_video", "chunks", ["video_id", "part_id"])
    op.create_table(
        "transcripts",
        sa.Column("video_id", sa.Text, nullable=False),
        sa.Column("segments", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("video_id", name="pk_transcripts"),
        sa.ForeignKeyConstraint(
            ["video_id"], ["videos.video_id"], name="fk_transcripts_video_id_videos", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "vectors",
        sa.Column("chunk_key", BIG_KEY, nullable=False),
        sa.Column("embedder_id", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("chunk_key", "embedder_id", name="pk_vectors"),
        sa.ForeignKeyConstraint(
            ["chunk_key"], ["chunks.chunk_key"], name="fk_vectors_chunk_key_chunks", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["embedder_id"], ["embedders.embedder_id"], name="fk_vectors_embedder_id_embedders", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "terms",
        sa.Column("embedder_id", sa.Integer, nullable=False),
        sa.Column("word", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("embedder_id", "word", name="pk_terms"),
        sa.ForeignKeyConstraint(
            ["embedder_id"], ["embedders.embedder_id"], name="fk_terms_embedder_id_embedders", ondelete="CASCADE"
        ),
    )
    op.execute("INSERT INTO library_state (id, revision) VALUES (1, 0)")


def _traces() -> None:
    op.create_table(
        "traces",
        sa.Column("trace_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("template_version", sa.Integer),
        sa.Column("temperature", sa.Double),
        sa.Column("model", sa.Text),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger),
        sa.Column("completion_tokens", sa.BigInteger),
        sa.Column("cached_tokens", sa.BigInteger),
        sa.Column("reasoning_tokens", sa.BigInteger),
        sa.Column("cost_usd", sa.Double),
        sa.Column("ttft_ms", sa.Double),
        sa.Column("latency_ms", sa.Double),
        sa.Column("cached", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("owner", sa.Text),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("channels", sa.Text, nullable=False),
        sa.Column("citations", sa.Text, nullable=False),
        sa.Column("claims", sa.Text, nullable=False),
        sa.Column("follow_ups", sa.Text, nullable=False),
        sa.Column("notices", sa.Text, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("passages", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("trace_id", name="pk_traces"),
    )
    op.create_index("ix_traces_conversation", "traces", ["conversation_id", "started_at"])
    op.create_index("ix_traces_day_model", "traces", ["day", "model"])
    op.create_index("ix_traces_kind", "traces", ["kind", "started_at"])
    op.create_index("ix_traces_started_at", "traces", ["started_at"])
    op.create_index("ix_traces_status", "traces", ["status", "started_at"])
    op.create_table(
        "feedback",
        sa.Column("trace_id", sa.Text, nullable=False),
        sa.Column("value", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", name="pk_feedback"),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.trace_id"], name="fk_feedback_trace_id_traces", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_feedback_value", "feedback", ["value"])
    op.create_table(
        "outbox",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("kind", "id", name="pk_outbox"),
        sa.ForeignKeyConstraint(["id"], ["traces.trace_id"], name="fk_outbox_id_traces", ondelete="CASCADE"),
    )
    op.create_index("ix_outbox_state", "outbox", ["state", "next_at"])
    op.create_table(
        "spans",
        sa.Column("trace_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("start_ms", sa.Double),
        sa.Column("duration_ms", sa.Double),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("trace_id", "position", name="pk_spans"),
        sa.ForeignKeyConstraint(["trace_id"], ["traces.trace_id"], name="fk_spans_trace_id_traces", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("job_id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_kind", "jobs", ["kind", "created_at"])
    op.create_table(
        "processes",
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("pid", BIG_KEY, nullable=False),
        sa.Column("born_s", sa.Double, nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_processes"),
    )
    op.create_table(
        "job_items",
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("item_hash", sa.Text, nullable=False),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("chunks", sa.Integer),
        sa.Column("took_ms", sa.Double),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("job_id", "position", name="pk_job_items"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.job_id"], name="fk_job_items_job_id_jobs", ondelete="CASCADE"),
        sa.UniqueConstraint("job_id", "item_hash", name="uq_job_items_job_id"),
    )
