"""A ledger of schema 0001 with everything in it becomes one of today, whole or not at all."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from sqlalchemy import Connection, MetaData, Table, inspect, select, text

from core.errors import LibraryError, LibraryLocked
from core.ledger import Ledger, migrate, open_ledger
from core.ledger.database import Database, parse_url
from core.models import Feedback
from tests.ledger.postgres import Cluster
from tests.ledger.samples import MINILM, NASTY, Ticking, library_item, running, trace
from tests.ledger.workers import Workers

VIDEOS = {"v": ["one", "two words", "three"], "w": [NASTY], "ten": [f"part {n}" for n in range(12)], "none": []}
OUTBOX = {
    ("trace", "waiting"): "pending",
    ("feedback", "waiting"): "pending",
    ("trace", "sent"): "sent",
    ("trace", "refused"): "dead",
    ("feedback", "alone"): "pending",
}


@dataclass
class Before:
    """A ledger of 0001 at ``url``, and what it holds as a ledger of today that was filled alike."""

    url: str
    filled: Ledger


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def before(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Before]:
    if request.param == "sqlite":
        old, new = f"sqlite:///{tmp_path}/old/cuepoint.db", f"sqlite:///{tmp_path}/new/cuepoint.db"
    else:
        server: Cluster = request.getfixturevalue("postgres")
        old, new = server.fresh(), server.emptied("prepared")
    filled = open_ledger(new, clock=Ticking())
    fill(filled)
    database = Database(parse_url(old))
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "HEAD", "0001")
        migrate.prepare(database)
    with filled._database.read() as source, database.write() as target:
        copy(source, target)
    database.close()
    yield Before(old, filled)
    filled.close()


def fill(ledger: Ledger) -> None:
    for video_id, texts in VIDEOS.items():
        ledger.library.save(*library_item(video_id, texts, title=NASTY), embedder=MINILM)
    ledger.traces.finish_all(
        [trace(key, question=NASTY, server="") for key in ("waiting", "sent", "refused", "alone")], mirror=True
    )
    for key in ("waiting", "alone"):
        ledger.traces.save_feedback(Feedback(key, -1, "wrong", NASTY), mirror=True)
    ledger.traces.begin(running("at work"))
    ledger.jobs.create("ingest", ["a", "b"])
    with ledger._database.write() as connection:
        connection.execute(text("DELETE FROM outbox WHERE kind = 'trace' AND id = 'alone'"))
        for (kind, key), state in OUTBOX.items():
            values = {"kind": kind, "id": key, "state": state, "version": len(key), "attempts": len(kind)}
            change = "UPDATE outbox SET state = :state, version = :version, attempts = :attempts, error = 'no <reason>'"
            connection.execute(text(f"{change} WHERE kind = :kind AND id = :id"), values)


def copy(source: Connection, target: Connection) -> None:
    """Every row, in the columns that there were."""
    theirs, ours = MetaData(), MetaData()
    theirs.reflect(source)
    ours.reflect(target)
    assert "mirror_state" not in ours.tables
    target.execute(text("DELETE FROM library_state"))
    for table in ours.sorted_tables:
        if table.name != migrate.VERSION_TABLE:
            rows = read(source, theirs.tables[table.name], [column.name for column in table.c])
            if rows:
                target.execute(table.insert(), rows)


def read(connection: Connection, table: Table, columns: list[str]) -> list[dict[str, Any]]:
    """In order of the key; a ledger of any schema."""
    query = select(*(table.c[name] for name in columns)).order_by(*table.primary_key.columns)
    return [dict(row) for row in connection.execute(query).mappings()]


def contents(url: str) -> dict[str, Any]:
    """The schema's number, every table's columns and every row, as the database has them."""
    database = Database(parse_url(url))
    tables = MetaData()
    with database.read() as connection:
        tables.reflect(connection)
        found = {
            table.name: read(connection, table, [column.name for column in table.c]) for table in tables.sorted_tables
        }
    database.close()
    return found


def check_sound(ledger: Ledger) -> None:
    if ledger._database.is_sqlite:
        with ledger._database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def check_whole(ledger: Ledger, filled: Ledger) -> None:
    for video_id in VIDEOS:
        assert ledger.library.transcript(video_id) == filled.library.transcript(video_id)
        assert ledger.library.video(video_id) == filled.library.video(video_id)
    stored, expected = (list(one.library.iter_stored(embedder=MINILM)) for one in (ledger, filled))
    assert [(item.chunk, item.video) for item in stored] == [(item.chunk, item.video) for item in expected]
    assert all((a.vectors == b.vectors).all() for a, b in zip(stored, expected, strict=True))
    assert ledger.traces.list() == filled.traces.list()
    assert ledger.jobs.latest("ingest") == filled.jobs.latest("ingest")


def test_nothing_is_lost(before: Before):
    old = contents(before.url)
    ledger = open_ledger(before.url, clock=Ticking())
    check_whole(ledger, before.filled)
    check_sound(ledger)
    new = contents(before.url)
    for name, rows in old.items():
        if name != migrate.VERSION_TABLE:
            kept = [row for row in new[name] if name != "outbox" or (row["kind"], row["id"]) in OUTBOX]
            assert [{column: row[column] for column in rows[0]} for row in kept] == rows, name
    assert new[migrate.VERSION_TABLE] == [{"version_num": migrate.HEAD}]
    ledger.close()


def test_the_hash_over_a_videos_chunks_is_the_one_that_a_save_computes(before: Before):
    ledger = open_ledger(before.url, clock=Ticking())
    query = text("SELECT video_id, chunks_hash FROM videos ORDER BY video_id")
    hashes = []
    for one in (ledger, before.filled):
        with one._database.read() as connection:
            hashes.append(connection.execute(query).all())
    assert hashes[0] == hashes[1]
    assert len({row.chunks_hash for row in hashes[0]}) == len(VIDEOS)
    revision = ledger.library.revision()
    for video_id, texts in VIDEOS.items():
        ledger.library.save(*library_item(video_id, texts, title=NASTY), embedder=MINILM)
    assert ledger.library.revision() == revision
    ledger.close()


def test_the_rollups_are_filled_from_the_traces_that_there_were(before: Before):
    ledger = open_ledger(before.url, clock=Ticking())
    assert ledger.spending.verify().differences == ()
    held = [one._database.url.render_as_string(hide_password=False) for one in (ledger, before.filled)]
    ours, expected = (contents(url)["rollups"] for url in held)
    assert ours == expected != []
    ledger.close()


def test_rows_of_the_outbox_keep_their_state_and_a_thumb_finds_its_trace(before: Before):
    ledger = open_ledger(before.url, clock=Ticking())
    rows = {(row.kind, row.id): row for row in ledger.outbox.rows(None)}
    assert {key: row.state for key, row in rows.items()} == OUTBOX | {("trace", "alone"): "pending"}
    for kind, key in OUTBOX:
        row = rows[kind, key]
        confirmed = row.version if row.state == "sent" else None
        assert (row.version, row.attempts, row.sent_version, row.unsure) == (len(key), len(kind), confirmed, False)
        assert (row.error, row.document) == ("no <reason>", None)
    assert {(row.kind, row.id) for row in ledger.outbox.due(50)} == {("trace", "waiting"), ("trace", "alone")}
    ledger.outbox.put_document("experiment", "names no trace", {})
    ledger.close()


def test_killed_at_any_statement_the_ledger_is_as_it_was_before(before: Before, workers: Workers):
    old = contents(before.url)
    ended = ""
    for statement in range(4, 200, 5):
        ended = workers.run("kill_open", before.url, statement)
        if ended != "killed":
            break
        if statement % 4 == 0:
            assert contents(before.url) == old, f"killed at statement {statement}"
    assert ended == "ended 0"
    assert statement > 30, "the kills met no statement"
    ledger = open_ledger(before.url, clock=Ticking())
    check_whole(ledger, before.filled)
    check_sound(ledger)
    ledger.close()


def test_an_error_on_the_way_leaves_the_ledger_as_it_was_before(before: Before):
    database = Database(parse_url(before.url))
    with database.write() as connection:
        connection.execute(text("CREATE TABLE dataset_uses (mine INTEGER PRIMARY KEY)"))
    old = contents(before.url)
    with pytest.raises(LibraryError):
        open_ledger(before.url)
    assert contents(before.url) == old
    with database.write() as connection:
        assert "mirror_state" not in inspect(connection).get_table_names()
        connection.execute(text("DROP TABLE dataset_uses"))
    database.close()
    ledger = open_ledger(before.url, clock=Ticking())
    check_whole(ledger, before.filled)
    ledger.close()


@contextmanager
def heard(act: Callable[[str], object]) -> Iterator[list[str]]:
    """What migrating says, and does ``act`` with each line."""
    said: list[str] = []

    class Hears(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())
            act(said[-1])

    hears, log = Hears(), logging.getLogger(migrate.__name__)
    log.addHandler(hears)
    try:
        yield said
    finally:
        log.removeHandler(hears)


class Other:
    """A process that holds a lock."""

    def __init__(self, lock: str) -> None:
        code = (
            "import sys, filelock as f\nlock = f.FileLock(sys.argv[1]).acquire()\nprint(flush=True)\nsys.stdin.read(1)"
        )
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([sys.executable, "-c", code, lock], stdin=pipe, stdout=pipe)

    def __enter__(self) -> Self:
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def release(self) -> None:
        self._process.communicate(b"\n")

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def test_a_start_waits_for_the_process_that_migrates_and_says_so_once(tmp_path: Path):
    file = tmp_path / "cuepoint.db"
    with Other(f"{file}.lock") as other, heard(lambda _: other.release()) as said:
        open_ledger(f"sqlite:///{file}", lock_timeout_s=0.1).close()
    assert said == [f"Another process is preparing the library {file}; waiting for it up to 600 s"]


def test_a_start_does_not_wait_for_ever(tmp_path: Path):
    file = tmp_path / "cuepoint.db"
    database = Database(parse_url(f"sqlite:///{file}"))
    with Other(f"{file}.lock"), pytest.raises(LibraryLocked, match="Another process is preparing the library"):
        migrate.prepare(database, patience_s=0.1)
    database.close()


def test_a_process_that_died_while_it_migrated_is_not_waited_for(tmp_path: Path):
    file = tmp_path / "cuepoint.db"
    with Other(f"{file}.lock") as other, heard(lambda _: other.kill()) as said:
        open_ledger(f"sqlite:///{file}").close()
    assert len(said) == 1


@pytest.mark.server
def test_a_start_waits_for_who_migrates_on_postgresql_longer_than_for_a_row(postgres: Cluster):
    url = postgres.fresh()
    holder = psycopg.connect(url)
    holder.execute("SELECT pg_advisory_lock(%s)", [migrate._ADVISORY_LOCK])
    later = threading.Timer(0.5, holder.close)
    with heard(lambda _: later.start()) as said:
        ledger = open_ledger(url, lock_timeout_s=0.1)
    later.join()
    assert len(said) == 1
    with ledger._database.write() as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "100ms"
    ledger.close()
