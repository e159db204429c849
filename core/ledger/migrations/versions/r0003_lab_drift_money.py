"""Prompts, test sets, experiments, drift reports, notices, rollups, prices and budgets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _prompts()
    _test_sets()
    _experiments()
    _drift()
    _notices()
    _money()
    _fill_rollups()


def _prompts() -> None:
    op.create_table(
        "prompt_versions",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name="pk_prompt_versions"),
    )
    op.create_table(
        "prompt_aliases",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("alias", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "alias", name="pk_prompt_aliases"),
    )
    op.create_table(
        "prompt_moves",
        sa.Column("move_id", BIG_KEY, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("alias", sa.Text, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("previous", sa.Integer),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("move_id", name="pk_prompt_moves"),
    )
    op.create_index("ix_prompt_moves_name", "prompt_moves", ["name", "alias", "move_id"])


def _test_sets() -> None:
    op.create_table(
        "test_sets",
        sa.Column("set_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("set_id", name="pk_test_sets"),
        sa.UniqueConstraint("name", name="uq_test_sets_name"),
    )
    op.create_table(
        "test_cases",
        sa.Column("set_id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("variables", sa.Text, nullable=False),
        sa.Column("expected", sa.Text, nullable=False),
        sa.Column("tests", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("trace_id", sa.Text),
        sa.PrimaryKeyConstraint("set_id", "case_id", name="pk_test_cases"),
        sa.ForeignKeyConstraint(
            ["set_id"], ["test_sets.set_id"], name="fk_test_cases_set_id_test_sets", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_test_cases_position", "test_cases", ["set_id", "position"])


def _experiments() -> None:
    op.create_table(
        "experiments",
        sa.Column("experiment_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("max_cost_usd", sa.Double),
        sa.Column("spent_usd", sa.Double),
        sa.Column("sample", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("experiment_id", name="pk_experiments"),
    )
    op.create_index("ix_experiments_created_at", "experiments", ["created_at"])
    op.create_index("ix_experiments_state", "experiments", ["state"])
    op.create_table(
        "runs",
        sa.Column("experiment_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("temperature", sa.Double),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("repeat", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("content_key", sa.Text, nullable=False),
        sa.Column("trace_id", sa.Text),
        sa.Column("output", sa.Text),
        sa.Column("scores", sa.Text),
        sa.Column("passed", sa.Boolean),
        sa.Column("prompt_tokens", sa.BigInteger),
        sa.Column("completion_tokens", sa.BigInteger),
        sa.Column("cached_tokens", sa.BigInteger),
        sa.Column("reasoning_tokens", sa.BigInteger),
        sa.Column("cost_usd", sa.Double),
        sa.Column("latency_ms", sa.Double),
        sa.Column("cached", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("experiment_id", "position", name="pk_runs"),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.experiment_id"],
            name="fk_runs_experiment_id_experiments",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_runs_content_key", "runs", ["content_key"])
    op.create_index("ix_runs_state", "runs", ["experiment_id", "state"])
    op.create_index("ix_runs_trace_id", "runs", ["trace_id"])


def _drift() -> None:
    op.create_table(
        "drift_reports",
        sa.Column("report_id", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("current", sa.Text, nullable=False),
        sa.Column("n_reference", sa.Integer),
        sa.Column("n_current", sa.Integer),
        sa.Column("verdict", sa.Text),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("columns", sa.Text),
        sa.Column("left_out", sa.Text),
        sa.Column("details", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("incident_id", sa.Text),
        sa.Column("sample", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("report_id", name="pk_drift_reports"),
    )
    op.create_index("ix_drift_reports_created_at", "drift_reports", ["created_at"])


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("notice_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("notice_id", name="pk_notices"),
    )
    op.create_index("ix_notices_state", "notices", ["state", "next_at"])
    op.create_index("ix_notices_subject", "notices", ["kind", "subject"])


def _money() -> None:
    op.create_table(
        "rollups",
        sa.Column("sample", sa.Boolean, nullable=False),
        sa.Column("dimension", sa.Text, nullable=False),
        sa.Column("level", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("slot", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("calls", BIG_KEY, nullable=False),
        sa.Column("prompt_tokens", BIG_KEY, nullable=False),
        sa.Column("completion_tokens", BIG_KEY, nullable=False),
        sa.Column("cached_tokens", BIG_KEY, nullable=False),
        sa.Column("reasoning_tokens", BIG_KEY, nullable=False),
        sa.Column("uncounted_calls", BIG_KEY, nullable=False),
        sa.Column("nano_usd", BIG_KEY, nullable=False),
        sa.Column("priced_calls", BIG_KEY, nullable=False),
        sa.Column("unpriced_calls", BIG_KEY, nullable=False),
        sa.Column("unpriced_tokens", BIG_KEY, nullable=False),
        sa.Column("thumbs_up", BIG_KEY, nullable=False),
        sa.Column("unpriced_thumbs_up", BIG_KEY, nullable=False),
        sa.PrimaryKeyConstraint("sample", "dimension", "level", "slot", "name", name="pk_rollups"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "prices",
        sa.Column("price_id", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("input_usd", sa.Double, nullable=False),
        sa.Column("output_usd", sa.Double, nullable=False),
        sa.Column("cached_usd", sa.Double),
        sa.Column("reasoning_usd", sa.Double),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
        sa.Column("withdrawn_by", sa.Text),
        sa.Column("reprice", sa.Boolean, nullable=False),
        sa.Column("any_server", sa.Boolean, nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("price_id", name="pk_prices"),
    )
    in_force = sa.text("withdrawn_at IS NULL")
    op.create_index(
        "uq_prices_in_force",
        "prices",
        ["model", "server", "since"],
        unique=True,
        sqlite_where=in_force,
        postgresql_where=in_force,
    )
    op.add_column("traces", sa.Column("server", sa.Text, nullable=False, server_default=""))
    unpriced = sa.text("cost_usd IS NULL")
    op.create_index(
        "ix_traces_unpriced",
        "traces",
        ["model", "server", "started_at"],
        sqlite_where=unpriced,
        postgresql_where=unpriced,
    )
    op.create_table(
        "budgets",
        sa.Column("budget_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("limit_nano_usd", BIG_KEY, nullable=False),
        sa.Column("warn_at", sa.Double, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("budget_id", name="pk_budgets"),
        sa.UniqueConstraint("scope", "subject", "period", name="uq_budgets_scope"),
    )
    op.create_table(
        "budget_periods",
        sa.Column("budget_id", sa.Text, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spent_nano_usd", BIG_KEY, nullable=False),
        sa.Column("reserved_nano_usd", BIG_KEY, nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True)),
        sa.Column("exhausted_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("budget_id", "starts_at", name="pk_budget_periods"),
        sa.ForeignKeyConstraint(
            ["budget_id"], ["budgets.budget_id"], name="fk_budget_periods_budget_id_budgets", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "reservations",
        sa.Column("reservation_id", sa.Text, nullable=False),
        sa.Column("budget_id", sa.Text, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount_nano_usd", BIG_KEY, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("reservation_id", "budget_id", name="pk_reservations"),
        sa.ForeignKeyConstraint(
            ["budget_id"], ["budgets.budget_id"], name="fk_reservations_budget_id_budgets", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_reservations_owner", "reservations", ["owner"])


_MOMENTS = {
    "sqlite": "(CAST(strftime('%s', substr(started_at, 1, 19)) AS INTEGER) + 62135596800) / 900",
    "postgresql": "CAST(floor((extract(epoch FROM started_at) + 62135596800) / 900) AS bigint)",
}
_AMOUNTS = {
    "sqlite": "CAST(cost_usd * 1e9 + 0.5 AS INTEGER)",
    "postgresql": "CAST(floor(cost_usd * CAST(1e9 AS double precision) + 0.5) AS bigint)",
}
_EACH = """
WITH counted AS (
    SELECT substr(kind, 1, 6) = 'sample' AS sample, {moment} AS quarter, {label} AS label,
        CASE WHEN prompt_tokens BETWEEN 0 AND 1000000000000 THEN prompt_tokens END AS prompt,
        CASE WHEN completion_tokens BETWEEN 0 AND 1000000000000 THEN completion_tokens END AS completion,
        CASE WHEN cached_tokens BETWEEN 0 AND 1000000000000 THEN cached_tokens ELSE 0 END AS of_prompt,
        CASE WHEN reasoning_tokens BETWEEN 0 AND 1000000000000 THEN reasoning_tokens ELSE 0 END AS of_completion,
        CASE WHEN cost_usd BETWEEN 0 AND 100000 THEN {amount} END AS nano,
        (model IS NOT NULL AND NOT cached) OR status = 'abandoned' AS said,
        coalesce(value, 0) = 1 AS up
    FROM traces LEFT JOIN feedback ON feedback.trace_id = traces.trace_id WHERE status <> 'running'
), known AS (
    SELECT counted.*, said OR prompt IS NOT NULL OR completion IS NOT NULL AS called,
        nano IS NULL AND (said OR prompt IS NOT NULL OR completion IS NOT NULL) AS unpriced
    FROM counted
)
INSERT INTO rollups
SELECT sample, '{dimension}', 0, quarter, label, count(*), sum(coalesce(prompt, 0)), sum(coalesce(completion, 0)),
    sum(of_prompt), sum(of_completion),
    sum(CASE WHEN called AND (prompt IS NULL OR completion IS NULL) THEN 1 ELSE 0 END),
    sum(coalesce(nano, 0)), count(nano), sum(CASE WHEN unpriced THEN 1 ELSE 0 END),
    sum(CASE WHEN unpriced THEN coalesce(prompt, 0) + coalesce(completion, 0) ELSE 0 END),
    sum(CASE WHEN up THEN 1 ELSE 0 END), sum(CASE WHEN up AND unpriced THEN 1 ELSE 0 END)
FROM known GROUP BY sample, quarter, label
"""
_COARSER = """
INSERT INTO rollups
SELECT sample, dimension, {level}, (slot * {finer} + {shift}) / {width}, name, sum(calls), sum(prompt_tokens),
    sum(completion_tokens), sum(cached_tokens), sum(reasoning_tokens), sum(uncounted_calls), sum(nano_usd),
    sum(priced_calls), sum(unpriced_calls), sum(unpriced_tokens), sum(thumbs_up), sum(unpriced_thumbs_up)
FROM rollups WHERE level = {source} AND ({level} < 6 OR dimension = 'user')
GROUP BY sample, dimension, (slot * {finer} + {shift}) / {width}, name
"""
_COARSE = (
    (1, 0, 1, 0, 4),
    (2, 1, 4, 0, 96),
    (3, 1, 4, 72, 96),
    (4, 1, 4, 48, 96),
    (5, 1, 4, 24, 96),
    (6, 2, 96, 0, 768),
)
"""Level, the level that it is made from, the quarters of an hour in a slot of that, the shift, and in a slot of it."""


def _fill_rollups() -> None:
    """The sums of the traces that there are."""
    dialect = op.get_bind().dialect.name
    for dimension in ("", "model", "kind", "template", "user"):
        label = f"CASE WHEN \"{dimension}\" IS NULL THEN '' ELSE '=' || \"{dimension}\" END" if dimension else "''"
        places = {"moment": _MOMENTS[dialect], "amount": _AMOUNTS[dialect], "label": label, "dimension": dimension}
        op.execute(sa.text(_EACH.format(**places)))
    for level, source, finer, shift, width in _COARSE:
        numbers = {"level": level, "source": source, "finer": finer, "shift": shift, "width": width}
        op.execute(sa.text(_COARSER.format(**numbers)))
