"""The tables of the ledger. migrations/ makes them; tests hold both equal."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from core.ledger.columns import AnyText, BigKey, Count, Json, Number, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# ------------------------------------------------------------------------------------------------------ the library

library_state = Table(
    "library_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigKey, nullable=False),
)

videos = Table(
    "videos",
    metadata,
    Column("video_id", AnyText, primary_key=True),
    Column("title", AnyText, nullable=False),
    Column("channel", AnyText, nullable=False),
    Column("language", AnyText, nullable=False),
    Column("kind", AnyText, nullable=False),
    Column("source", AnyText, nullable=False),
    Column("duration_s", Number),
    Column("note", AnyText, nullable=False),
    Column("added_at", UtcTime, nullable=False),
    Column("content_hash", AnyText, nullable=False),
    Column("chunks_hash", AnyText, nullable=False, server_default=""),
    Column("chunk_count", Integer, nullable=False),
    Column("char_count", BigKey, nullable=False),
    Column("revision", BigKey, nullable=False),
    Index("ix_videos_kind", "kind"),
)

transcripts = Table(
    "transcripts",
    metadata,
    Column("video_id", AnyText, ForeignKey("videos.video_id", ondelete="CASCADE"), primary_key=True),
    Column("segments", Json, nullable=False),
)

chunks = Table(
    "chunks",
    metadata,
    Column("chunk_key", BigKey, primary_key=True, autoincrement=True),
    Column("chunk_id", AnyText, nullable=False),
    Column("video_id", AnyText, ForeignKey("videos.video_id", ondelete="CASCADE"), nullable=False),
    Column("part_id", Integer, nullable=False),
    Column("max_part_id", Integer, nullable=False),
    Column("content_hash", AnyText, nullable=False),
    Column("index_hash", AnyText, nullable=False),
    Column("revision", BigKey, nullable=False),
    Column("cues", LargeBinary, nullable=False),
    Column("windows", LargeBinary, nullable=False),
    Column("text", AnyText, nullable=False),
    UniqueConstraint("chunk_id"),
    Index("ix_chunks_video", "video_id", "part_id"),
)

embedders = Table(
    "embedders",
    metadata,
    Column("embedder_id", Integer, primary_key=True, autoincrement=True),
    Column("identity", AnyText, nullable=False),
    Column("dimensions", Integer, nullable=False),
    UniqueConstraint("identity"),
)

vectors = Table(
    "vectors",
    metadata,
    Column("chunk_key", BigKey, ForeignKey("chunks.chunk_key", ondelete="CASCADE"), primary_key=True),
    Column("embedder_id", Integer, ForeignKey("embedders.embedder_id", ondelete="CASCADE"), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

terms = Table(
    "terms",
    metadata,
    Column("embedder_id", Integer, ForeignKey("embedders.embedder_id", ondelete="CASCADE"), primary_key=True),
    Column("word", AnyText, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

# -------------------------------------------------------------------------------------------------------- the traces

traces = Table(
    "traces",
    metadata,
    Column("trace_id", AnyText, primary_key=True),
    Column("kind", AnyText, nullable=False),
    Column("status", AnyText, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("day", Date, nullable=False),
    Column("conversation_id", AnyText, nullable=False),
    Column("user", AnyText, nullable=False),
    Column("template", AnyText, nullable=False),
    Column("template_version", Integer),
    Column("temperature", Number),
    Column("model", AnyText),
    Column("language", AnyText, nullable=False),
    Column("prompt_tokens", Count),
    Column("completion_tokens", Count),
    Column("cached_tokens", Count),
    Column("reasoning_tokens", Count),
    Column("cost_usd", Number),
    Column("ttft_ms", Number),
    Column("latency_ms", Number),
    Column("cached", Boolean, nullable=False),
    Column("error", AnyText),
    Column("owner", AnyText),
    Column("question", AnyText, nullable=False),
    Column("answer", AnyText, nullable=False),
    Column("channels", Json, nullable=False),
    Column("citations", Json, nullable=False),
    Column("claims", Json, nullable=False),
    Column("follow_ups", Json, nullable=False),
    Column("notices", Json, nullable=False),
    Column("prompt", Json, nullable=False),
    Column("passages", Json, nullable=False),
    Column("library_version", AnyText),
    Column("server", AnyText, nullable=False, server_default=""),
    # Everything that sums of spending need, so that they read no row: the rows are long.
    Index(
        "ix_traces_spending",
        *("started_at", "kind", "status", "user", "template", "model", "cached"),
        *("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "cost_usd", "trace_id"),
    ),
    # The few calls whose cost is unknown: adding a price looks for them.
    Index(
        "ix_traces_unpriced",
        *("model", "server", "started_at"),
        sqlite_where=text("cost_usd IS NULL"),
        postgresql_where=text("cost_usd IS NULL"),
    ),
    Index("ix_traces_status", "status", "started_at"),
    Index("ix_traces_kind", "kind", "started_at"),
    Index("ix_traces_conversation", "conversation_id", "started_at"),
    Index("ix_traces_day_model", "day", "model"),
    Index("ix_traces_library_version", "library_version"),
)

spans = Table(
    "spans",
    metadata,
    Column("trace_id", AnyText, ForeignKey("traces.trace_id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", AnyText, nullable=False),
    Column("start_ms", Number),
    Column("duration_ms", Number),
    Column("attributes", Json, nullable=False),
    Column("error", AnyText),
    sqlite_with_rowid=False,
)

feedback = Table(
    "feedback",
    metadata,
    Column("trace_id", AnyText, ForeignKey("traces.trace_id", ondelete="CASCADE"), primary_key=True),
    Column("value", Integer, nullable=False),
    Column("reason", AnyText, nullable=False),
    Column("comment", AnyText, nullable=False),
    Column("correction", AnyText, nullable=False, server_default=""),
    Column("updated_at", UtcTime, nullable=False),
    Index("ix_feedback_value", "value"),
)

# -------------------------------------------------------------------------------------------------------- the mirror

outbox = Table(
    "outbox",
    metadata,
    Column("kind", AnyText, primary_key=True),
    Column("id", AnyText, primary_key=True),
    Column("state", AnyText, nullable=False),
    Column("version", Integer, nullable=False),
    Column("sent_version", Integer),
    Column("unsure", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("queued_at", UtcTime, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Column("error", AnyText),
    Column("document", Json),
    Index("ix_outbox_state", "state", "next_at", "queued_at"),
)

mirror_state = Table(
    "mirror_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("owner", AnyText),
    Column("status", AnyText, nullable=False),
    Column("detail", AnyText, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("target", AnyText, nullable=False),
)

mirrored_traces = Table(
    "mirrored_traces",
    metadata,
    Column("record_id", AnyText, primary_key=True),
    Column("trace_id", AnyText),
    Column("name", AnyText, nullable=False),
    Column("kind", AnyText, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("day", Date, nullable=False),
    Column("user", AnyText, nullable=False),
    Column("template", AnyText, nullable=False),
    Column("model", AnyText),
    Column("prompt_tokens", Count),
    Column("completion_tokens", Count),
    Column("cached_tokens", Count),
    Column("reasoning_tokens", Count),
    Column("total_tokens", Count),
    Column("cost_usd", Number),
    Column("latency_ms", Number),
    Column("feedback", Integer),
    Column("read_at", UtcTime, nullable=False),
    Index("ix_mirrored_traces_day", "day", "model"),
    Index("ix_mirrored_traces_trace_id", "trace_id"),
    Index("ix_mirrored_traces_started_at", "started_at"),
)

# ------------------------------------------------------------------------------------------------- dataset versions

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("version", AnyText, primary_key=True),
    Column("kind", AnyText, nullable=False),
    Column("name", AnyText, nullable=False),
    Column("alias", AnyText, nullable=False),
    Column("note", AnyText, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("rows", BigKey, nullable=False),
    Column("bytes", BigKey, nullable=False),
    Column("manifest", Json, nullable=False),
    Index("ix_dataset_versions_kind", "kind", "created_at"),
)

dataset_uses = Table(
    "dataset_uses",
    metadata,
    Column("version", AnyText, primary_key=True),
    Column("kind", AnyText, primary_key=True),
    Column("id", AnyText, primary_key=True),
    Column("used_at", UtcTime, nullable=False),
)

# ---------------------------------------------------------------------------------------------- processes and jobs

processes = Table(
    "processes",
    metadata,
    Column("owner", AnyText, primary_key=True),
    Column("place", AnyText, nullable=False),
    Column("pid", BigKey, nullable=False),
    Column("born_s", Number, nullable=False),
    Column("heartbeat_at", UtcTime, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", AnyText, primary_key=True),
    Column("kind", AnyText, nullable=False),
    Column("state", AnyText, nullable=False),
    Column("owner", AnyText, nullable=False),
    Column("settings", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("error", AnyText),
    Index("ix_jobs_kind", "kind", "created_at"),
)

job_items = Table(
    "job_items",
    metadata,
    Column("job_id", AnyText, ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("item_hash", AnyText, nullable=False),
    Column("item", AnyText, nullable=False),
    Column("state", AnyText, nullable=False),
    Column("detail", AnyText, nullable=False),
    Column("error", AnyText),
    Column("chunks", Integer),
    Column("took_ms", Number),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    UniqueConstraint("job_id", "item_hash"),
)

# -------------------------------------------------------------------------------------------------------------- prompts

prompt_versions = Table(
    "prompt_versions",
    metadata,
    Column("name", AnyText, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("system", AnyText, nullable=False),
    Column("user", AnyText, nullable=False),
    Column("note", AnyText, nullable=False),
    Column("author", AnyText, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("content_hash", AnyText, nullable=False),
)

prompt_aliases = Table(
    "prompt_aliases",
    metadata,
    Column("name", AnyText, primary_key=True),
    Column("alias", AnyText, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("moved_at", UtcTime, nullable=False),
)

prompt_moves = Table(
    "prompt_moves",
    metadata,
    Column("move_id", BigKey, primary_key=True, autoincrement=True),
    Column("name", AnyText, nullable=False),
    Column("alias", AnyText, nullable=False),
    Column("version", Integer),
    Column("previous", Integer),
    Column("author", AnyText, nullable=False),
    Column("moved_at", UtcTime, nullable=False),
    Index("ix_prompt_moves_name", "name", "alias", "move_id"),
)


# ------------------------------------------------------------------------------------------------------------ test sets

test_sets = Table(
    "test_sets",
    metadata,
    Column("set_id", AnyText, primary_key=True),
    Column("name", AnyText, nullable=False),
    Column("description", AnyText, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    UniqueConstraint("name"),
)

test_cases = Table(
    "test_cases",
    metadata,
    Column("set_id", AnyText, ForeignKey("test_sets.set_id", ondelete="CASCADE"), primary_key=True),
    Column("case_id", AnyText, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("variables", Json, nullable=False),
    Column("expected", AnyText, nullable=False),
    Column("tests", AnyText, nullable=False),
    Column("note", AnyText, nullable=False),
    Column("trace_id", AnyText),
    Index("ix_test_cases_position", "set_id", "position"),
)


# ---------------------------------------------------------------------------------------------------------- experiments

experiments = Table(
    "experiments",
    metadata,
    Column("experiment_id", AnyText, primary_key=True),
    Column("name", AnyText, nullable=False),
    Column("state", AnyText, nullable=False),
    Column("owner", AnyText, nullable=False),
    Column("spec", Json, nullable=False),
    Column("total", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("max_cost_usd", Number),
    Column("spent_usd", Number),
    Column("sample", Boolean, nullable=False),
    Column("error", AnyText),
    Index("ix_experiments_created_at", "created_at"),
    Index("ix_experiments_state", "state"),
)

runs = Table(
    "runs",
    metadata,
    Column("experiment_id", AnyText, ForeignKey("experiments.experiment_id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("template", AnyText, nullable=False),
    Column("version", Integer),
    Column("model", AnyText, nullable=False),
    Column("temperature", Number),
    Column("case_id", AnyText, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("state", AnyText, nullable=False),
    Column("content_key", AnyText, nullable=False),
    Column("trace_id", AnyText),
    Column("output", AnyText),
    Column("scores", Json),
    Column("passed", Boolean),
    Column("prompt_tokens", Count),
    Column("completion_tokens", Count),
    Column("cached_tokens", Count),
    Column("reasoning_tokens", Count),
    Column("cost_usd", Number),
    Column("latency_ms", Number),
    Column("cached", Boolean, nullable=False),
    Column("error", AnyText),
    Column("finished_at", UtcTime),
    Index("ix_runs_content_key", "content_key"),
    Index("ix_runs_state", "experiment_id", "state"),
    Index("ix_runs_trace_id", "trace_id"),
)


# ---------------------------------------------------------------------------------------------------------------- drift

drift_reports = Table(
    "drift_reports",
    metadata,
    Column("report_id", AnyText, primary_key=True),
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("state", AnyText, nullable=False),
    Column("owner", AnyText, nullable=False),
    Column("origin", AnyText, nullable=False),
    Column("reference", AnyText, nullable=False),
    Column("current", AnyText, nullable=False),
    Column("n_reference", Integer),
    Column("n_current", Integer),
    Column("verdict", AnyText),
    Column("sentence", AnyText, nullable=False),
    Column("columns", Json),
    Column("left_out", Json),
    Column("details", Json),
    Column("error", AnyText),
    Column("incident_id", AnyText),
    Column("sample", Boolean, nullable=False),
    Index("ix_drift_reports_created_at", "created_at"),
)


# -------------------------------------------------------------------------------------------------------------- notices

notices = Table(
    "notices",
    metadata,
    Column("notice_id", AnyText, primary_key=True),
    Column("kind", AnyText, nullable=False),
    Column("subject", AnyText, nullable=False),
    Column("state", AnyText, nullable=False),
    Column("text", AnyText, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Column("error", AnyText),
    Index("ix_notices_state", "state", "next_at"),
    Index("ix_notices_subject", "kind", "subject"),
)


# ---------------------------------------------------------------------------------------------------------------- money

rollups = Table(
    "rollups",
    metadata,
    Column("sample", Boolean, primary_key=True),
    Column("dimension", AnyText, primary_key=True),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("slot", BigKey, primary_key=True, autoincrement=False),
    Column("name", AnyText, primary_key=True),
    Column("calls", BigKey, nullable=False),
    Column("prompt_tokens", BigKey, nullable=False),
    Column("completion_tokens", BigKey, nullable=False),
    Column("cached_tokens", BigKey, nullable=False),
    Column("reasoning_tokens", BigKey, nullable=False),
    Column("uncounted_calls", BigKey, nullable=False),
    Column("nano_usd", BigKey, nullable=False),
    Column("priced_calls", BigKey, nullable=False),
    Column("unpriced_calls", BigKey, nullable=False),
    Column("unpriced_tokens", BigKey, nullable=False),
    Column("thumbs_up", BigKey, nullable=False),
    Column("unpriced_thumbs_up", BigKey, nullable=False),
    sqlite_with_rowid=False,
)

prices = Table(
    "prices",
    metadata,
    Column("price_id", AnyText, primary_key=True),
    Column("model", AnyText, nullable=False),
    Column("server", AnyText, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("input_usd", Number, nullable=False),
    Column("output_usd", Number, nullable=False),
    Column("cached_usd", Number),
    Column("reasoning_usd", Number),
    Column("note", AnyText, nullable=False),
    Column("author", AnyText, nullable=False),
    Column("added_at", UtcTime, nullable=False),
    Column("withdrawn_at", UtcTime),
    Column("withdrawn_by", AnyText),
    # What is still to be done to the traces, so that a kill loses none of it.
    Column("reprice", Boolean, nullable=False),
    Column("any_server", Boolean, nullable=False),
    Column("filled_at", UtcTime),
    Index(
        "uq_prices_in_force",
        *("model", "server", "since"),
        unique=True,
        sqlite_where=text("withdrawn_at IS NULL"),
        postgresql_where=text("withdrawn_at IS NULL"),
    ),
)

budgets = Table(
    "budgets",
    metadata,
    Column("budget_id", AnyText, primary_key=True),
    Column("name", AnyText, nullable=False),
    Column("scope", AnyText, nullable=False),
    Column("subject", AnyText, nullable=False),
    Column("period", AnyText, nullable=False),
    Column("limit_nano_usd", BigKey, nullable=False),
    Column("warn_at", Number, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("scope", "subject", "period"),
)

budget_periods = Table(
    "budget_periods",
    metadata,
    Column("budget_id", AnyText, ForeignKey("budgets.budget_id", ondelete="CASCADE"), primary_key=True),
    Column("starts_at", UtcTime, primary_key=True),
    Column("spent_nano_usd", BigKey, nullable=False),
    Column("reserved_nano_usd", BigKey, nullable=False),
    Column("warned_at", UtcTime),
    Column("exhausted_at", UtcTime),
)

reservations = Table(
    "reservations",
    metadata,
    Column("reservation_id", AnyText, primary_key=True),
    Column("budget_id", AnyText, ForeignKey("budgets.budget_id", ondelete="CASCADE"), primary_key=True),
    Column("starts_at", UtcTime, nullable=False),
    Column("amount_nano_usd", BigKey, nullable=False),
    Column("owner", AnyText, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Index("ix_reservations_owner", "owner"),
)
