"""What can be wrong with a disk, a file or a server, and the one sentence that each gets."""

from __future__ import annotations

import errno
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.errors import CuepointError, LibraryCorrupt, LibraryError, LibraryFull, LibraryLocked, LibraryReadOnly
from core.ledger import Ledger, open_ledger
from core.ledger.faults import translate, translate_os
from core.models import Feedback
from tests.ledger.samples import MINILM, library_item, passage, running, trace

SERVER = make_url("postgresql+psycopg://cue:secret@db.example:5433/library")


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def save(ledger: Ledger, video_id: str, size: int = 1) -> None:
    ledger.library.save(
        *library_item(video_id, [f"{video_id} {part} " + "word " * 200 for part in range(size)]), embedder=MINILM
    )


def is_one_sentence_and_a_hint(error: CuepointError) -> bool:
    return bool(error.message and error.hint and error.subject) and "\n" not in str(error)


# ------------------------------------------------------------------------------------------------------ a full disk


def fill_until_full(ledger: Ledger) -> int:
    """Saves videos until one does not fit; returns how many did."""
    for number in range(1000):
        try:
            save(ledger, f"v{number}", 20)
        except LibraryFull:
            return number
    pytest.fail("the disk never filled up")


def check_after_full(ledger: Ledger, saved: int) -> None:
    assert sorted(ledger.library.revisions()) == sorted(f"v{number}" for number in range(saved))
    for number in range(saved):
        stored = list(ledger.library.iter_stored(embedder=MINILM, video_ids=[f"v{number}"]))
        assert len(stored) == 20
        assert all(item.vectors is not None for item in stored)


def test_a_file_that_may_not_grow_is_a_full_library_and_what_was_saved_is_whole(sqlite_url):
    """SQLite's own limit stands for the full disk, where none can be made."""
    ledger = open_ledger(sqlite_url)

    @event.listens_for(ledger._database.engine, "connect")
    def _limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count=200")

    ledger._database.engine.dispose()
    saved = fill_until_full(ledger)
    assert saved > 0
    check_after_full(ledger, saved)
    with pytest.raises(LibraryFull):
        ledger.traces.finish(trace("t", passages=tuple(passage(n, "word " * 9000) for n in range(1, 9))), mirror=True)
    assert ledger.traces.count() == 0
    ledger.library.remove([f"v{number}" for number in range(saved)])
    save(ledger, "again", 20)
    ledger.close()


def test_a_full_disk_loses_nothing_and_is_over_when_there_is_space(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1_000_000)
    ledger = open_ledger(f"sqlite:///{small_disk}/cuepoint.db")
    saved = fill_until_full(ledger)
    assert saved > 0
    check_after_full(ledger, saved)
    with pytest.raises(LibraryFull):
        ledger.traces.finish(trace("t", passages=tuple(passage(n, "word " * 90_000) for n in range(1, 9))), mirror=True)
    ballast.unlink()
    ledger.traces.finish(trace("t"), mirror=True)
    assert ledger.traces.get("t") == trace("t")
    save(ledger, "again", 20)
    assert ledger.library.stats().videos == saved + 1
    ledger.close()


def test_a_ledger_cannot_be_made_on_a_full_disk_and_can_when_there_is_space(small_disk):
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space left"):
        ballast.write_bytes(b"x" * 4_000_000)
    with pytest.raises(LibraryFull) as caught:
        open_ledger(f"sqlite:///{small_disk}/data/cuepoint.db")
    assert is_one_sentence_and_a_hint(caught.value)
    ballast.unlink()
    ledger = open_ledger(f"sqlite:///{small_disk}/data/cuepoint.db")
    save(ledger, "v")
    ledger.close()


# ------------------------------------------------------------------------------------------------ a read-only folder


def test_a_read_only_folder_is_refused_at_the_start(sqlite_url, read_only):
    open_ledger(sqlite_url).close()
    with read_only(file_of(sqlite_url).parent) as place, pytest.raises(LibraryReadOnly) as caught:
        open_ledger(f"sqlite:///{place}/cuepoint.db")
    assert is_one_sentence_and_a_hint(caught.value)


def test_a_read_only_file_is_refused_at_the_start(sqlite_url, read_only):
    """Its folder can be written, so that SQLite itself finds out at the first write only."""
    open_ledger(sqlite_url).close()
    with read_only(file_of(sqlite_url)), pytest.raises(LibraryReadOnly) as caught:
        open_ledger(sqlite_url)
    assert is_one_sentence_and_a_hint(caught.value)


def test_a_new_ledger_in_a_read_only_folder_is_refused(tmp_path, read_only):
    empty = tmp_path / "empty"
    empty.mkdir()
    with read_only(empty) as place:
        for url in (f"sqlite:///{place}/cuepoint.db", f"sqlite:///{place}/sub/cuepoint.db"):
            with pytest.raises(LibraryReadOnly):
                open_ledger(url)


def test_sqlites_own_word_for_read_only_is_understood(sqlite_url):
    file = file_of(sqlite_url)
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute("INSERT INTO library_state VALUES (2, 2)")
    connection.close()
    assert isinstance(translate(caught.value, make_url(sqlite_url)), LibraryReadOnly)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EROFS, LibraryReadOnly),
        (errno.EACCES, LibraryReadOnly),
        (errno.EPERM, LibraryReadOnly),
        (errno.ENOSPC, LibraryFull),
        (errno.EDQUOT, LibraryFull),
        (errno.ENOTDIR, LibraryError),
    ],
)
def test_the_operating_systems_errors_have_their_kind(number, kind):
    error = translate_os(OSError(number, "so it is"), Path("/library"))
    assert type(error) is kind
    assert is_one_sentence_and_a_hint(error)


def test_a_file_where_the_folder_should_be_is_named(tmp_path):
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(LibraryError, match="data cannot be opened") as caught:
        open_ledger(f"sqlite:///{tmp_path}/data/cuepoint.db")
    assert is_one_sentence_and_a_hint(caught.value)


def test_a_folder_where_the_file_should_be_is_named(tmp_path):
    (tmp_path / "cuepoint.db").mkdir()
    with pytest.raises(LibraryError, match=r"cuepoint\.db") as caught:
        open_ledger(f"sqlite:///{tmp_path}/cuepoint.db")
    assert is_one_sentence_and_a_hint(caught.value)


def test_a_database_of_another_program_is_named_with_what_to_do(tmp_path):
    file = tmp_path / "cuepoint.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE videos (other)")
    with pytest.raises(LibraryError) as caught:
        open_ledger(f"sqlite:///{file}")
    assert is_one_sentence_and_a_hint(caught.value)
    assert str(file) in str(caught.value)


# ------------------------------------------------------------------------------------------------- a damaged file


def is_kept(file: Path, before: bytes, error: LibraryCorrupt) -> bool:
    return file.read_bytes() == before and str(file) in error.message


def test_a_file_of_garbage_is_corrupt_and_kept(tmp_path):
    file = tmp_path / "cuepoint.db"
    garbage = bytes(range(256)) * 64
    file.write_bytes(garbage)
    with pytest.raises(LibraryCorrupt, match="was left as it is") as caught:
        open_ledger(f"sqlite:///{file}")
    assert is_kept(file, garbage, caught.value)
    assert is_one_sentence_and_a_hint(caught.value)


def test_a_file_that_was_cut_short_is_corrupt_and_kept(sqlite_url):
    ledger = open_ledger(sqlite_url)
    save(ledger, "v", 30)
    ledger.close()
    file = file_of(sqlite_url)
    half = file.read_bytes()[: file.stat().st_size // 2]
    file.write_bytes(half)
    with pytest.raises(LibraryCorrupt) as caught:
        open_ledger(sqlite_url)
    assert is_kept(file, half, caught.value)


def test_a_file_that_was_emptied_beside_its_log_is_corrupt_and_both_are_kept(sqlite_url):
    ledger = open_ledger(sqlite_url)
    save(ledger, "v", 30)
    file = file_of(sqlite_url)
    log = file.with_name("cuepoint.db-wal").read_bytes()
    ledger.close()
    file.write_bytes(b"")
    file.with_name("cuepoint.db-wal").write_bytes(log)
    with pytest.raises(LibraryCorrupt):
        open_ledger(sqlite_url)
    assert file.with_name("cuepoint.db-wal").read_bytes() == log


def test_damage_in_the_middle_is_found_when_it_is_read_and_named(sqlite_url):
    ledger = open_ledger(sqlite_url)
    save(ledger, "v", 30)
    ledger.close()
    file = file_of(sqlite_url)
    data = bytearray(file.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    data[page * 8 :] = b"\xa5" * (len(data) - page * 8)
    file.write_bytes(data)
    with pytest.raises(LibraryCorrupt):
        _read_everything(sqlite_url)
    assert file.read_bytes()[page * 8 :] == data[page * 8 :]


def _read_everything(url: str) -> None:
    ledger = open_ledger(url)
    try:
        list(ledger.library.iter_stored(embedder=MINILM))
        ledger.library.transcript("v")
    finally:
        ledger.close()


def test_an_empty_file_is_a_new_ledger(tmp_path):
    (tmp_path / "cuepoint.db").touch()
    ledger = open_ledger(f"sqlite:///{tmp_path}/cuepoint.db")
    assert ledger.library.stats().videos == 0
    ledger.close()


# ------------------------------------------------------------------------------------------------ locks of others


def test_a_ledger_that_another_process_holds_for_too_long_is_locked_for_writers_only(sqlite_url):
    ledger = open_ledger(sqlite_url, lock_timeout_s=0.2)
    save(ledger, "v")
    holder = sqlite3.connect(file_of(sqlite_url), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(LibraryLocked) as caught:
        ledger.traces.begin(running("t"))
    assert is_one_sentence_and_a_hint(caught.value)
    with pytest.raises(LibraryLocked):
        open_ledger(sqlite_url, lock_timeout_s=0.2)
    assert ledger.library.transcript("v").segments
    holder.execute("ROLLBACK")
    holder.close()
    ledger.traces.begin(running("t"))
    ledger.close()


def test_a_thread_that_waits_for_another_for_too_long_is_told(sqlite_url):
    ledger = open_ledger(sqlite_url, lock_timeout_s=0.2)
    told: list[LibraryError] = []

    def write() -> None:
        try:
            ledger.library.remove(["v"])
        except LibraryError as error:
            told.append(error)

    with ledger._database.write():
        waiting = threading.Thread(target=write)
        waiting.start()
        waiting.join()
    assert isinstance(told[0], LibraryLocked)
    assert is_one_sentence_and_a_hint(told[0])
    ledger.close()


def test_a_writer_waits_for_a_lock_that_is_given_back_in_time(sqlite_url):
    ledger = open_ledger(sqlite_url)
    holder = sqlite3.connect(file_of(sqlite_url), isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    later = threading.Timer(0.3, lambda: holder.execute("ROLLBACK"))
    later.start()
    ledger.traces.begin(running("t"))
    later.join()
    holder.close()
    assert ledger.traces.count() == 1
    ledger.close()


@pytest.mark.server
def test_a_row_of_postgresql_that_is_locked_for_too_long_is_locked(postgres):
    url = postgres.emptied("prepared")
    ledger = open_ledger(url, lock_timeout_s=0.2)
    ledger.traces.finish(trace("t"), mirror=False)
    with psycopg.connect(url) as holder:
        holder.execute("SELECT * FROM traces FOR UPDATE")
        with pytest.raises(LibraryLocked):
            ledger.traces.save_feedback(Feedback("t", 1), mirror=True)
    ledger.close()


# ---------------------------------------------------------------------------------------------------- PostgreSQL


def test_a_server_that_is_not_there_is_named_without_the_password(unused_port):
    with pytest.raises(LibraryError) as caught:
        open_ledger(f"postgresql://cue:secret@127.0.0.1:{unused_port}/library")
    assert f"127.0.0.1:{unused_port}/library" in caught.value.message
    assert "secret" not in str(caught.value)
    assert is_one_sentence_and_a_hint(caught.value)


@pytest.mark.server
def test_a_database_that_is_not_there_is_named(postgres):
    with pytest.raises(LibraryError, match="nowhere") as caught:
        open_ledger(postgres.url("nowhere"))
    assert "secret" not in str(caught.value)


@pytest.mark.server
def test_a_server_that_takes_no_writes_is_read_only(postgres):
    url = postgres.fresh()
    postgres.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET default_transaction_read_only = on")
    with pytest.raises(LibraryReadOnly):
        open_ledger(url)


@pytest.mark.server
def test_a_connection_that_the_server_dropped_is_replaced(postgres):
    ledger = open_ledger(postgres.emptied("prepared"))
    save(ledger, "v")
    postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'prepared'")
    assert ledger.library.stats().videos == 1
    ledger.close()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.DiskFull, LibraryFull),
        (psycopg.errors.ReadOnlySqlTransaction, LibraryReadOnly),
        (psycopg.errors.InsufficientPrivilege, LibraryReadOnly),
        (psycopg.errors.LockNotAvailable, LibraryLocked),
        (psycopg.errors.DeadlockDetected, LibraryLocked),
        (psycopg.errors.SerializationFailure, LibraryLocked),
        (psycopg.errors.DataCorrupted, LibraryCorrupt),
        (psycopg.errors.IndexCorrupted, LibraryCorrupt),
        (psycopg.errors.InvalidPassword, LibraryError),
        (psycopg.errors.AdminShutdown, LibraryError),
        (psycopg.OperationalError, LibraryError),
    ],
    ids=lambda value: value.__name__,
)
def test_postgresqls_errors_have_their_kind_and_name_the_server_only(error, kind):
    told = translate(OperationalError("SELECT 'row'", {"x": "row"}, error("secret row")), SERVER)
    assert type(told) is kind
    assert "db.example:5433/library" in told.message
    assert "secret" not in str(told)
    assert "row" not in str(told).replace("rows", "")
    assert is_one_sentence_and_a_hint(told)


def test_any_other_refusal_of_the_server_is_told_by_its_number():
    told = translate(DBAPIError("", {}, psycopg.errors.UniqueViolation("secret")), SERVER)
    assert type(told) is LibraryError
    assert "SQLSTATE 23505" in told.message


def test_too_many_waiting_for_a_connection_is_locked():
    assert isinstance(translate(PoolTimeout("QueuePool limit"), SERVER), LibraryLocked)


def test_errors_of_the_database_do_not_show_what_was_asked(ledger):
    ledger.traces.begin(running("t", user="ada@example.org"))
    with pytest.raises(LibraryError) as caught:
        ledger.traces.begin(running("t", user="ada@example.org"))
    assert "ada@example.org" not in f"{caught.value} {caught.value.__cause__}"
    with ledger._database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM traces")).scalar_one() == 1
