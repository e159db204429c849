"""Milvus Lite's faults, each provoked: kills, damaged files, two processes, eight threads, a full disk."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock, Timeout
from milvus_lite.server_manager import server_manager_instance

from core.adapters.milvus import MilvusIndex
from core.adapters.milvus_client import pymilvus
from core.adapters.milvus_schema import collection_name
from core.errors import LibraryCorrupt, LibraryError, LibraryFull, LibraryLocked, LibraryReadOnly, VectorIndexError
from core.ledger import Ledger, open_ledger
from core.library import IndexSync
from tests.adapters.milvus_child import ROWS_BEFORE, ROWS_DURING
from tests.contracts.vector_index import DIMENSIONS, EVERYWHERE, direction, ids, inventory_of, make_row
from tests.fakes.models import HashingEmbedder
from tests.test_library import WORDS, save, transcript_of

ROOT = Path(__file__).parents[2]
COLLECTION = collection_name("toy@1", DIMENSIONS)


def open_index(path: Path, *, identity: str = "toy@1", dimensions: int = DIMENSIONS) -> MilvusIndex:
    return MilvusIndex(str(path), embedder_identity=identity, dimensions=dimensions)


def is_free(path: Path) -> bool:
    """Whether another process could open the folder now."""
    try:
        with FileLock(path / "LOCK", blocking=False):
            return True
    except Timeout:
        return False


@contextmanager
def child(path: Path, point: str) -> Iterator[subprocess.Popen[str]]:
    """A process with the folder open; MILVUS_URI names the folder as it would in an installation."""
    command = [sys.executable, "-m", "tests.adapters.milvus_child", str(path), point]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    env = os.environ | {"MILVUS_URI": str(path)}
    with subprocess.Popen(command, cwd=ROOT, env=env, **pipes) as process:
        assert process.stdout.readline() == "written\n", process.stderr.read()
        yield process


class TestKill:
    """SIGKILL at chosen points; nothing that was acknowledged is lost, and the folder opens again."""

    @pytest.mark.parametrize(
        "point",
        [
            "between upsert and flush",
            "while a data file is written",
            "before the manifest is replaced",
            "while an index file is written",
        ],
    )
    def test_killed_while_writing(self, tmp_path: Path, point: str):
        path = tmp_path / "milvus.db"
        with child(path, point) as process:
            assert process.wait(timeout=30) == -signal.SIGKILL
        if point == "while an index file is written":
            self.assert_milvus_alone_cannot_load(path)
        index = open_index(path)
        both = inventory_of(*ROWS_BEFORE, *ROWS_DURING)
        assert index.inventory() == both  # the log had them before the kill
        assert len(index.search_dense(direction(1.0), 99, EVERYWHERE)) == len(both)
        index.upsert(ROWS_DURING)
        assert index.inventory() == both
        index.close()

    @staticmethod
    def assert_milvus_alone_cannot_load(path: Path) -> None:
        """The fault is real: half an index file makes every load fail."""
        torn = list(path.glob("**/indexes/*.idx"))
        assert torn
        client = pymilvus.MilvusClient(uri=str(path))
        for _ in range(2):
            with pytest.raises(pymilvus.MilvusException):
                client.load_collection(COLLECTION)
        client.close()
        server_manager_instance.release_server(str(path))


def lose_data_file(collection: Path) -> None:
    next(collection.glob("partitions/*/data/*.parquet")).unlink()


def tear_data_file(collection: Path) -> None:
    file = next(collection.glob("partitions/*/data/*.parquet"))
    file.write_bytes(file.read_bytes()[:200])


def tear_manifest(collection: Path) -> None:
    (collection / "manifest.json").write_text('{"version": 3, "partit')


def tear_both_manifests(collection: Path) -> None:
    tear_manifest(collection)
    (collection / "manifest.json.prev").write_text("")


def lose_manifests(collection: Path) -> None:
    for file in collection.glob("manifest.json*"):
        file.unlink()


def lose_schema(collection: Path) -> None:
    (collection / "schema.json").unlink()


def tear_schema(collection: Path) -> None:
    (collection / "schema.json").write_text("{")


def tear_log(collection: Path) -> None:
    (collection / "wal").mkdir(exist_ok=True)
    (collection / "wal" / "wal_data_000099.arrow").write_bytes(b"\xff\xff\xff\xff nothing")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of two talks, ingested one after the other."""
    folder = tmp_path_factory.mktemp("damage")
    embedder = HashingEmbedder(DIMENSIONS, identity="toy@1")
    ledger, index = open_ledger(f"sqlite:///{folder / 'ledger.db'}"), open_index(folder / "milvus.db")
    sync = IndexSync(ledger.library, index, embedder)
    for name in ("a", "b"):
        save(ledger.library, embedder, transcript_of(name, *WORDS))
        assert sync.follow().added == 3
    index.close()
    ledger.close()
    return folder


class TestDamage:
    """Whatever file is lost or torn, the index is equal to the ledger after a sync, and nothing is embedded again."""

    @pytest.fixture
    def ledger(self, template: Path, tmp_path: Path) -> Iterator[Ledger]:
        shutil.copytree(template, tmp_path / "data")
        ledger = open_ledger(f"sqlite:///{tmp_path / 'data' / 'ledger.db'}")
        yield ledger
        ledger.close()

    @pytest.mark.parametrize(
        ("damage", "rebuilt"),
        [
            (lose_data_file, False),
            (tear_data_file, True),
            (tear_manifest, False),
            (tear_both_manifests, True),
            (lose_manifests, False),
            (lose_schema, True),
            (tear_schema, True),
            (tear_log, None),
            (shutil.rmtree, False),
        ],
    )
    def test_is_repaired_from_the_ledger(
        self,
        ledger: Ledger,
        tmp_path: Path,
        damage: Callable[[Path], None],
        rebuilt: bool | None,
        caplog: pytest.LogCaptureFixture,
    ):
        path = tmp_path / "data" / "milvus.db"
        damage(path / "collections" / COLLECTION)
        embedder = HashingEmbedder(DIMENSIONS, identity="toy@1")
        index = open_index(path)
        report = IndexSync(ledger.library, index, embedder).sync()
        if rebuilt is not None:
            assert report.rebuilt is rebuilt
            assert report.changed > 0
        assert index.inventory() == ledger.library.inventory(embedder="toy@1")
        assert len(index.search_dense(direction(1.0), 9, EVERYWHERE)) == 6
        assert ids(index.search_keyword("omicron alpha", 1, EVERYWHERE)) in (["a:0"], ["b:0"])
        assert embedder.texts == []
        index.close()
        assert caplog.records == []  # no vendor's traceback reaches the terminal

    def test_half_an_index_file_is_discarded(self, ledger: Ledger, tmp_path: Path):
        """Torn and stale index files alike: they are only copies."""
        path = tmp_path / "data" / "milvus.db"
        files = list(path.glob("**/indexes/*.idx"))
        assert files
        for file in files:
            file.write_bytes(file.read_bytes()[:-40])
        index = open_index(path)
        assert index.inventory() == ledger.library.inventory(embedder="toy@1")
        assert len(index.search_dense(direction(1.0), 9, EVERYWHERE)) == 6
        index.close()

    def test_damage_is_one_sentence_until_the_reset(self, ledger: Ledger, tmp_path: Path):
        path = tmp_path / "data" / "milvus.db"
        tear_both_manifests(path / "collections" / COLLECTION)
        index = open_index(path)
        for call in (index.inventory, lambda: index.search_dense(direction(1.0), 1, EVERYWHERE)):
            with pytest.raises(VectorIndexError) as caught:
                call()
            assert "\n" not in str(caught.value)
            assert str(path) in str(caught.value)
        index.reset()
        assert index.inventory() == {}
        assert index.has_keyword
        index.close()


class TestOneOwner:
    def test_second_process_is_told_which_folder_and_what_to_do(self, tmp_path: Path):
        path = tmp_path / "milvus.db"
        with child(path, "hold") as owner:
            with pytest.raises(LibraryLocked, match="Another process has the vector index") as caught:
                open_index(path)
            assert str(path) in str(caught.value)
            assert "MILVUS_URI" in str(caught.value)
            owner.stdin.close()
            assert owner.wait(timeout=20) == 0
            assert owner.stderr.read() == ""  # and no vendor wrote to its terminal
        index = open_index(path)
        assert index.inventory() == inventory_of(*ROWS_BEFORE)
        index.close()

    def test_close_frees_the_folder(self, tmp_path: Path):
        path = tmp_path / "milvus.db"
        index = open_index(path)
        assert not is_free(path)
        index.close()
        index.close()
        assert is_free(path)
        with pytest.raises(VectorIndexError):
            index.inventory()

    def test_eight_threads_open_at_once(self, tmp_path: Path):
        """All get the one folder; it is freed by the last that closes."""
        path = tmp_path / "milvus.db"
        opened: list[MilvusIndex] = []
        errors: list[Exception] = []
        start = threading.Barrier(8)

        def open_one() -> None:
            start.wait()
            try:
                opened.append(open_index(path))
            except Exception as error:  # noqa: BLE001
                errors.append(error)

        threads = [threading.Thread(target=open_one) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        opened[0].upsert([make_row("a")])
        for index in opened[:-1]:
            index.close()
        assert not is_free(path)
        assert opened[-1].inventory() == inventory_of(make_row("a"))
        opened[-1].close()
        assert is_free(path)

    def test_two_embedders_do_not_mix(self, tmp_path: Path):
        """Each identity has its own collection in the folder, and finds its rows again."""
        path = tmp_path / "milvus.db"
        one, two = open_index(path), open_index(path, identity="toy@2", dimensions=4)
        one.upsert([make_row("a")])
        two.upsert([make_row("b", vector=direction(1.0)[:4])])
        assert (list(one.inventory()), list(two.inventory())) == (["a:0"], ["b:0"])
        one.reset()
        assert list(two.inventory()) == ["b:0"]
        one.close()
        two.close()


class TestUnusableFolder:
    def test_full_disk_is_named(self, tmp_path: Path):
        """The next log is a link to a device that is always full."""
        path = tmp_path / "milvus.db"
        index = open_index(path)
        for number in range(1, 9):
            (path / "collections" / COLLECTION / "wal" / f"wal_data_{number:06d}.arrow").symlink_to("/dev/full")
        with pytest.raises(LibraryFull, match="is full") as caught:
            index.upsert([make_row("a")])
        assert str(path) in str(caught.value)
        assert index.inventory() == {}
        index.close()

    def test_read_only_folder_is_named(self, tmp_path: Path):
        tmp_path.chmod(0o555)
        with nobody(), pytest.raises(LibraryReadOnly, match="cannot be written") as caught:
            open_index(tmp_path / "data" / "milvus.db")
        assert str(tmp_path) in str(caught.value)

    def test_file_of_an_older_milvus_lite_is_left_alone(self, tmp_path: Path):
        path = tmp_path / "milvus.db"
        path.write_bytes(b"SQLite format 3")
        with pytest.raises(LibraryCorrupt, match=r"is a file\. .*move the file away"):
            open_index(path)
        assert path.read_bytes() == b"SQLite format 3"

    def test_folder_below_a_file_is_named(self, tmp_path: Path):
        (tmp_path / "data").write_text("")
        with pytest.raises(LibraryError, match=r"cannot be opened.*CUEPOINT_DATA_DIR"):
            open_index(tmp_path / "data" / "milvus.db")

    def test_missing_folder_is_made(self, tmp_path: Path):
        index = open_index(tmp_path / "new" / "er" / "milvus.db")
        assert index.inventory() == {}
        index.close()


@contextmanager
def nobody() -> Iterator[None]:
    """Without the superuser's right to write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("identity", ["", "模型/v1", "a" * 400, "x:y@z+w v2.0"])
def test_collection_name_is_valid_for_any_identity(identity: str):
    name = collection_name(identity, 384)
    assert name.isidentifier()
    assert name.isascii()
    assert len(name) <= 255
    assert name != collection_name(identity + "!", 384)
    assert name != collection_name(identity, 385)
