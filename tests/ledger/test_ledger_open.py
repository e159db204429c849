"""Opening a ledger: addresses, schema, migrations."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, text

import core.ledger
from core.errors import LibraryError, SettingsError
from core.ledger import migrate, open_ledger
from core.ledger.database import parse_url
from core.ledger.schema import metadata
from core.models import Feedback
from tests.ledger.samples import MINILM, library_item, running, trace

PACKAGE = Path(core.ledger.__file__).parent


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("sqlite:///data/cuepoint.db", "sqlite:///data/cuepoint.db"),
        ("sqlite+pysqlite:////var/x.db", "sqlite:////var/x.db"),
        ("postgres://a:b@h/d", "postgresql+psycopg://a:b@h/d"),
        ("postgresql://a:b@h:6000/d?sslmode=require", "postgresql+psycopg://a:b@h:6000/d?sslmode=require"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
    ],
)
def test_an_address_is_understood(given, meant):
    assert parse_url(given).render_as_string(hide_password=False) == meant


@pytest.mark.parametrize(
    "given", ["", "nonsense", "mysql://u:secret@h/d", "sqlite://", "sqlite:///:memory:", "postgres://u:secret@h:port/d"]
)
def test_an_address_that_cannot_be_used_is_a_settings_error_without_the_password(given):
    with pytest.raises(SettingsError, match="DATABASE_URL") as caught:
        open_ledger(given)
    assert caught.value.subject == "DATABASE_URL"
    assert "secret" not in str(caught.value)


def test_the_address_that_is_shown_has_no_password(postgres):
    ledger = open_ledger(postgres.emptied("prepared"))
    assert ledger.url == f"postgresql+psycopg://cue:***@127.0.0.1:{postgres.port}/prepared"
    ledger.close()


def test_migrations_make_exactly_the_tables_of_the_schema(ledger):
    with ledger._database.read() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": migrate.VERSION_TABLE})
        assert compare_metadata(context, metadata) == []


def test_the_newest_migration_is_the_one_that_the_code_names():
    config = Config()
    config.set_main_option("script_location", str(PACKAGE / "migrations"))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]


def test_what_was_saved_is_there_when_it_is_opened_again(url):
    first = open_ledger(url)
    first.library.save(*library_item("v", ["text"]), embedder=MINILM)
    first.close()
    second = open_ledger(url)
    assert second.library.stats().videos == 1
    second.close()


def test_a_ledger_that_is_up_to_date_opens_without_alembic(sqlite_url):
    """Alembic takes longer to import than the rest of the start."""
    script = (
        f"import sys; from core.ledger import open_ledger; open_ledger({sqlite_url!r}).close(); "
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=PACKAGE.parents[1])


def test_a_ledger_of_a_newer_version_is_refused_and_left_alone(url):
    ledger = open_ledger(url)
    with ledger._database.write() as connection:
        connection.execute(text("UPDATE cuepoint_version SET version_num = '0999'"))
    with pytest.raises(LibraryError, match=r"newer version of Cuepoint.*0999.*Update Cuepoint"):
        open_ledger(url)
    with ledger._database.write() as connection:
        assert connection.execute(text("SELECT version_num FROM cuepoint_version")).scalar_one() == "0999"
        connection.execute(text(f"UPDATE cuepoint_version SET version_num = '{migrate.HEAD}'"))
    ledger.close()


def test_a_backup_that_lost_its_journal_mode_gets_it_back(sqlite_url, tmp_path):
    ledger = open_ledger(sqlite_url)
    ledger.library.save(*library_item("v", ["text"]), embedder=MINILM)
    ledger.close()
    backup = tmp_path / "backup.db"
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        connection.execute("VACUUM INTO ?", (str(backup),))
    connection.close()
    restored = open_ledger(f"sqlite:///{backup}")
    with restored._database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    assert restored.library.stats().videos == 1
    restored.close()


def test_sqlite_connections_are_durable_and_checked(sqlite_url):
    ledger = open_ledger(sqlite_url)
    with ledger._database.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}
    ledger.close()


def test_only_progress_is_written_without_waiting_for_the_disk(sqlite_url):
    """Answers, thumbs and videos are on the disk when the call returns; what is merely running need not be."""
    ledger = open_ledger(sqlite_url)
    seen: list[str] = []

    @event.listens_for(ledger._database.engine, "before_cursor_execute")
    def _watch(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.extend(statement.partition("=")[2:] if statement.startswith("PRAGMA synchronous=") else ())

    def level(call: Callable[[], object]) -> str:
        seen.clear()
        call()
        return seen[-1]

    ledger.jobs.create("ingest", ["a"])
    job_id = ledger.jobs.latest("ingest").job_id
    assert level(lambda: ledger.traces.begin(running("t"))) == "NORMAL"
    assert level(lambda: ledger.jobs.set_item(job_id, "a", "running")) == "NORMAL"
    assert level(lambda: ledger.traces.finish(trace("t"), mirror=True)) == "FULL"
    assert level(lambda: ledger.traces.save_feedback(Feedback("t", 1), mirror=True)) == "FULL"
    assert level(lambda: ledger.library.save(*library_item("v", ["text"]), embedder=MINILM)) == "FULL"
    assert level(lambda: ledger.library.remove(["v"])) == "FULL"
    assert level(lambda: ledger.jobs.finish(job_id)) == "FULL"
    ledger.close()


def test_the_package_may_stand_where_nothing_can_be_written(tmp_path, read_only):
    """Migrations run from an installed package; nothing beside it is written."""
    site = tmp_path / "site"
    shutil.copytree(PACKAGE.parent, site / "core", ignore=shutil.ignore_patterns("__pycache__"))
    with read_only(site) as place:
        script = (
            f"import core; assert core.__file__.startswith({str(place)!r}), core.__file__; "
            f"from core.ledger import open_ledger; open_ledger('sqlite:///{tmp_path}/data/c.db').close()"
        )
        environment = os.environ | {"PYTHONPATH": str(place)}
        subprocess.run([sys.executable, "-c", script], check=True, cwd="/", env=environment)
    assert not list(site.rglob("*.pyc"))


def test_closing_twice_is_fine(url):
    ledger = open_ledger(url)
    ledger.jobs.create("ingest", [])
    ledger.close()
    ledger.close()
