"""Files as tables, broken ones too."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from core.documents import trace_document
from core.drift.files import read_table
from core.drift.paths import in_uploads, keep_upload
from core.drift.rows import FACTS, KINDS
from core.errors import InputError
from tests.ledger.samples import trace

TABLE = pd.DataFrame({"question": ["what?", "why, and how?"], "cost": [0.5, None]})


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_the_three_forms_give_the_same_table(tmp_path: Path, ending: str):
    path = tmp_path / f"rows.{ending}"
    {
        "csv": lambda: TABLE.to_csv(path, index=False),
        "jsonl": lambda: TABLE.to_json(path, orient="records", lines=True),
        "parquet": lambda: TABLE.to_parquet(path),
    }[ending]()
    pd.testing.assert_frame_equal(read_table(path), TABLE, check_dtype=False)


def test_a_csv_of_a_hundred_thousand_rows_is_read(tmp_path: Path):
    path = tmp_path / "many.csv"
    path.write_text("a,b\n" + "1,some words\n" * 100_000)
    assert read_table(path).shape == (100_000, 2)


def test_what_is_wrong_with_an_upload_is_said_by_the_name_that_its_owner_gave_it(tmp_path: Path):
    with pytest.raises(InputError, match=r"^rows\.csv has no rows"):
        read_table(keep_upload(tmp_path, "rows.csv", b"a,b\n"))
    with pytest.raises(InputError, match=r"^rows\.parquet cannot be read: .*Write it again as Parquet\."):
        read_table(keep_upload(tmp_path, "rows.parquet", b"PAR1 nothing"))


def test_exported_traces_are_traffic(tmp_path: Path):
    path = tmp_path / "traces.jsonl"
    path.write_text(json.dumps(trace_document(trace("t1")), default=str) + "\n")
    assert list(read_table(path).columns) == [*FACTS, *KINDS]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"x,y\n", "a.csv has no rows"),
        ("a.csv", b"x,y\n1,2\n1,2,3,4\n", "a.csv cannot be read: Error tokenizing data.*line 3"),
        ("a.csv", b"x\n\xff\xfe\n", "a.csv cannot be read: 'utf-8' codec"),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "a.jsonl cannot be read: line 2 is no JSON"),
        ("a.jsonl", b"[1]\n", "a.jsonl cannot be read: line 1 is no JSON object"),
        ("a.parquet", b"PAR1 but no more", "a.parquet cannot be read"),
        ("a.xlsx", b"x", "a.xlsx is no table"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong_in_one_line(
    tmp_path: Path, name: str, content: bytes, sentence: str
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=sentence) as caught:
        read_table(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"There is no file gone\.csv"):
        read_table(tmp_path / "gone.csv")


def test_an_upload_is_kept_in_its_folder_whatever_its_name(tmp_path: Path):
    path = keep_upload(tmp_path, "../../etc/pass wd?.csv", b"a\n1\n")
    assert in_uploads(tmp_path, path)
    assert not in_uploads(tmp_path, tmp_path / "uploads" / ".." / "other.csv")
    assert path.read_bytes() == b"a\n1\n"
    with pytest.raises(InputError, match="is empty"):
        keep_upload(tmp_path, "a.csv", b"")
