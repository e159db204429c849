"""The mirror as pages and commands see it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import core.__main__ as cli
from core import services as composition
from core.config import Settings, load_settings
from core.errors import InputError, NotFound, SettingsError
from core.ledger import Ledger, OutboxStats, SenderStatus, open_ledger
from core.ledger.values import MirrorState
from core.mirror.documents import experiment_document
from core.mirror.records import record_id
from core.mirror.service import Mirroring, MirrorStatus
from core.mirror.status import Here, health_of, status_of
from core.mirror.target import settings_document, settings_from, target_of
from core.mirror.worker import MirrorWorker
from core.models import ExperimentRecord, Feedback, MirroredTrace
from core.services import build_services
from tests.fakes.ingest import ScriptedYouTube
from tests.fakes.mirrors import DOWN, KEY, Fault, MemoryMirror
from tests.fakes.models import HashingEmbedder
from tests.ledger.samples import START, trace
from tests.mirror.conftest import Desk

EXPERIMENT = ExperimentRecord("e1", "Grid", {"cases": 3}, {"passed": 0.5})


def settings_of(**values: Any) -> Settings:
    return load_settings(**{"comet_api_key": "key-1"} | values)


def mirroring_of(ledger: Ledger, settings: Settings, mirror: MemoryMirror | None = None) -> Mirroring:
    return Mirroring(ledger, settings, MirrorWorker(settings), lambda: mirror or MemoryMirror())


@pytest.fixture
def mirroring(ledger: Ledger) -> Mirroring:
    return mirroring_of(ledger, settings_of())


@pytest.fixture
def off(ledger: Ledger) -> Mirroring:
    return mirroring_of(ledger, settings_of(comet_api_key=None))


# -------------------------------------------------------------------------------------------------------- without a key


def test_without_a_key_nothing_is_started_and_nothing_put_in(off: Mirroring, ledger: Ledger):
    off.open()
    assert off._worker.pid is None
    assert off._worker._thread is None
    assert ledger.outbox.stats() == OutboxStats(0, 0, 0, None)
    assert off.status() == MirrorStatus(enabled=False, status="off")
    health = off.health()
    assert (health.name, health.ok) == ("Comet", None)
    assert "COMET_API_KEY" in health.detail
    assert off.delivery_of("t").state == "off"
    off.close()


@pytest.mark.parametrize(
    "call", [lambda m: m.back_fill(None, None), lambda m: m.start_read_back(None)], ids=["back-fill", "read-back"]
)
def test_without_a_key_what_needs_one_names_it(off: Mirroring, call: Callable[[Mirroring], object]):
    with pytest.raises(SettingsError, match="COMET_API_KEY"):
        call(off)


# ------------------------------------------------------------------------------------------------------- how it stands


def test_the_status_counts_what_is_delivered_waiting_and_refused(desk: Desk, mirroring: Mirroring):
    desk.mirror.refuses[record_id("c")] = "Not taken"
    desk.ask("a", "b", "c")
    desk.turns()
    desk.ask("d")
    desk.forward(12)
    status = mirroring.status()
    assert (status.delivered, status.pending, status.dead, status.oldest_pending_s) == (2, 1, 1, 12)
    assert status.status == "idle"
    assert mirroring.health().ok is True
    assert mirroring.health().detail == "2 delivered, 1 pending for 12 s, 1 refused"


STATS = OutboxStats(3, 1204, 1, 12.0)
COUNTED = "1,204 delivered, 3 pending for 12 s, 1 refused"


@pytest.mark.parametrize(
    ("state", "here", "status", "ok", "words"),
    [
        (MirrorState(SenderStatus.SENDING, owner_alive=True), Here(), "sending", True, ""),
        (
            MirrorState(SenderStatus.WAITING, "No answer", owner_alive=True),
            Here(next_try_s=4.0),
            "waiting",
            False,
            "; it does not answer and is tried again by itself (No answer)",
        ),
        (MirrorState(SenderStatus.PAUSED, "No key", owner_alive=True), Here(), "paused", False, "; paused (No key)"),
        (MirrorState(SenderStatus.PAUSED, "No key"), Here(), "paused", False, "; paused (No key)"),
        (MirrorState(SenderStatus.SENDING), Here(), "stopped", None, "; nobody sends now"),
        (MirrorState(SenderStatus.SENDING), Here(runs=True), "idle", True, ""),
        (MirrorState(), Here(trouble="It ended 3 times"), "stopped", False, "; stopped (It ended 3 times)"),
    ],
)  # fmt: skip
def test_the_health_says_in_words_what_keeps_the_delivery(
    state: MirrorState, here: Here, status: str, ok: bool | None, words: str
):
    found = status_of(state, STATS, here)
    health = health_of("Comet", found, troubled=bool(here.trouble))
    assert found.status == status
    assert found.next_try_s == here.next_try_s
    assert (health.ok, health.detail) == (ok, COUNTED + words)


def test_a_trace_tells_how_far_it_is(desk: Desk, mirroring: Mirroring):
    desk.ask("a", started_at=datetime.now(UTC))
    waiting = mirroring.delivery_of("a")
    assert waiting.state == "pending"
    assert waiting.text.startswith("The trace has waited for")
    desk.turns()
    assert mirroring.delivery_of("a").state == "sent"
    desk.thumb("a")
    assert mirroring.delivery_of("a").text.startswith("The trace was delivered to Comet; its feedback has waited")
    assert mirroring.delivery_of("never asked").state == "none"
    assert [row.kind for row in mirroring.rows_of("a")] == ["trace", "feedback"]


def test_a_failed_try_is_told_with_its_reason(desk: Desk, mirroring: Mirroring):
    desk.ask("a")
    desk.mirror.failing = lambda call, _ids: Fault(DOWN.error) if call == "send" else None
    desk.turns()
    assert "after 1 failed try (Comet refuses the connection)" in mirroring.delivery_of("a").text


# ------------------------------------------------------------------------------------------------- what was refused


def refused(desk: Desk, *trace_ids: str, reason: str = "Too long") -> None:
    desk.mirror.refuses = {record_id(one): reason for one in trace_ids}
    desk.ask(*trace_ids)
    desk.turns()
    desk.mirror.refuses = {}


def test_a_dead_letter_has_the_question_and_the_reason(desk: Desk, mirroring: Mirroring):
    refused(desk, "a")
    [letter] = mirroring.dead_letters()
    assert (letter.kind, letter.id, letter.reason, letter.title) == ("trace", "a", "Too long", "What is a vector?")
    assert mirroring.dead_letters(offset=1) == []


def test_a_dead_letter_is_mended_and_sent_again(desk: Desk, mirroring: Mirroring):
    refused(desk, "a")
    document = json.loads(mirroring.letter_document("trace", "a"))
    document["tags"].append("mended")
    mirroring.send_again("trace", "a", json.dumps(document))
    desk.turns()
    assert "mended" in desk.mirror.records[record_id("a")].tags
    assert mirroring.dead_letters() == []


def test_a_thumb_is_mended_too(desk: Desk, mirroring: Mirroring):
    refused(desk, "a")
    desk.thumb("a")
    assert json.loads(mirroring.letter_document("feedback", "a")) == {"value": 1, "texts": {}}
    mirroring.send_again("feedback", "a", '{"value": -1, "texts": {"comment": "mended"}}')
    desk.turns()
    assert [thumb.texts for thumb in desk.mirror.thumbs[record_id("a")]] == [{"comment": "mended"}]


def test_a_mended_thumb_is_sent_clean(desk: Desk, mirroring: Mirroring):
    desk.ask("a")
    desk.thumb("a")
    mirroring.send_again("feedback", "a", json.dumps({"value": -1, "texts": {"comment": "a\ud800\0" + "x" * 200_000}}))
    desk.turns()
    [thumb] = desk.mirror.thumbs[record_id("a")]
    assert thumb.texts["comment"].startswith("a\ufffd\ufffdxx")
    assert thumb.texts["comment"].endswith("(100,003 characters more)")


def test_all_that_was_refused_is_sent_again(desk: Desk, mirroring: Mirroring):
    refused(desk, "a", "b")
    assert mirroring.send_all_again() == 2
    desk.turns()
    assert len(desk.mirror.records) == 2


@pytest.mark.parametrize(
    ("kind", "document", "words"),
    [
        ("trace", "{", "This is no JSON"),
        ("trace", "[]", "not a JSON object"),
        ("trace", "null", "The record is not a JSON object"),
        ("feedback", "null", "not a JSON object"),
        ("experiment", "null", "not a JSON object"),
        ("dataset", "null", "A dataset is sent as it is"),
        ("trace", '{"id": "a"}', "tags"),
        ("feedback", '{"value": 5, "texts": {}}', "value: Input should be 1, 0 or -1"),
        ("feedback", '{"value": 1, "texts": {"remark": "x"}}', "remark"),
        ("experiment", '{"experiment_id": "e2", "name": "n", "parameters": {}, "metrics": {}}', "must stay e1"),
        ("dataset", '{"files": {"passwords": "secrets.toml"}}', "A dataset is sent as it is"),
        ("trace", "[" * 100_000, "nested too deeply"),
    ],
)
def test_a_document_that_cannot_be_sent_is_refused_with_one_sentence(
    desk: Desk, mirroring: Mirroring, kind: str, document: str, words: str
):
    refused(desk, "a")
    key = "e1" if kind == "experiment" else "a"
    before = desk.ledger.outbox.rows(None)
    with pytest.raises(InputError, match=words):
        mirroring.send_again(kind, key, document)
    assert desk.ledger.outbox.rows(None) == before


def test_a_letter_that_there_is_not_is_not_found(mirroring: Mirroring):
    with pytest.raises(NotFound):
        mirroring.letter_document("trace", "a")
    with pytest.raises(NotFound):
        mirroring.send_again("trace", "a")


def test_a_letter_whose_trace_is_gone_says_so(desk: Desk, mirroring: Mirroring):
    desk.ledger.outbox.put_document("trace", "gone", None)
    desk.turns()
    [letter] = mirroring.dead_letters()
    assert (letter.reason, letter.title) == ("There is no trace gone", "")
    with pytest.raises(NotFound):
        mirroring.letter_document("trace", "gone")


# ------------------------------------------------------------------------------------------------------ what comes in


def test_what_was_asked_before_the_key_is_sent_for_a_chosen_period(desk: Desk, mirroring: Mirroring):
    for day in range(5):
        desk.ledger.traces.finish(trace(f"t{day}", started_at=START + timedelta(days=day)), mirror=False)
    assert mirroring.back_fill_count(START + timedelta(days=1), START + timedelta(days=3)) == 2
    assert mirroring.back_fill(START + timedelta(days=1), START + timedelta(days=3)) == 2
    desk.turns()
    assert set(desk.mirror.records) == {record_id("t1"), record_id("t2")}
    with pytest.raises(InputError, match="ends before it begins"):
        mirroring.back_fill(START, START)


def test_an_experiment_is_sent_and_brought_up_to_date(desk: Desk):
    desk.ledger.outbox.put_document("experiment", "e1", experiment_document(EXPERIMENT))
    desk.turns()
    later = replace(EXPERIMENT, metrics={"passed": 0.75}, columns=("model",), rows=(("gpt",),))
    desk.ledger.outbox.put_document("experiment", "e1", experiment_document(later))
    desk.turns()
    assert desk.mirror.experiments == {"e1": later}


def test_what_the_worker_process_is_told_reads_back_as_the_settings(tmp_path: Path):
    settings = settings_of(
        comet_workspace="team", comet_project_name="answers", comet_url_override="http://127.0.0.1:1/clientlib/",
        data_dir=tmp_path, database_url="postgresql://ada:secret@db/cuepoint", comet_timeout_s=3,
    )  # fmt: skip
    folder, read = settings_from(settings_document(settings))
    assert folder == Path.cwd()
    assert read.ledger_url == settings.ledger_url
    assert target_of(read) == target_of(settings)
    assert read.comet_timeout_s == 3
    assert target_of(settings) != target_of(settings_of(comet_workspace="team", comet_project_name="answers"))


@pytest.mark.parametrize("line", ["", "{", "[]", "{}", '{"folder": 3, "settings": {}}'])
def test_the_worker_process_refuses_what_are_no_settings(line: str):
    with pytest.raises(SettingsError, match="gives no settings"):
        settings_from(line)


# -------------------------------------------------------------------------------------------------------- the command

Run = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> MemoryMirror:
    made = MemoryMirror()
    monkeypatch.setattr(composition, "mirror_of", lambda settings: made)
    return made


@pytest.fixture
def run(mirror: MemoryMirror, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``sync --json``: exit code, document, standard error."""
    monkeypatch.setenv("COMET_API_KEY", "key-1")
    monkeypatch.setattr(
        cli,
        "build_services",
        lambda settings: build_services(settings, embedder=HashingEmbedder(64), source=ScriptedYouTube()),
    )

    def run(*arguments: str) -> tuple[int, dict[str, Any], str]:
        with pytest.raises(SystemExit) as exit_:
            cli.main(["sync", "--json", *arguments])
        out, err = capsys.readouterr()
        return int(exit_.value.code or 0), json.loads(out) if out else {}, err

    return run


@pytest.fixture
def library() -> Iterator[Ledger]:
    """The ledger that the command opens."""
    ledger = open_ledger(load_settings().ledger_url)
    yield ledger
    ledger.close()


def test_sync_sends_what_is_due_and_tells_how_the_outbox_stands(run: Run, mirror: MemoryMirror, library: Ledger):
    library.traces.finish_all([trace(f"t{n}") for n in range(3)], mirror=True)
    library.traces.save_feedback(Feedback("t0", 1), mirror=True)
    code, document, _ = run()
    assert code == 0
    assert document == {
        "sent": 4, "pending": 0, "dead": 0, "oldest_pending_s": None, "status": "idle", "detail": "",
        "delivered_now": 4, "back_filled": None, "resent": None, "read_back": None, "refused": [],
    }  # fmt: skip
    assert mirror.closed
    assert library.outbox.take_lease()


def test_sync_without_a_key_ends_with_2_and_names_it(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COMET_API_KEY")
    code, document, err = run()
    assert (code, document) == (2, {})
    assert err.count("\n") == 1
    assert "COMET_API_KEY" in err


def test_sync_ends_with_1_where_something_is_refused_and_tries_that_again_when_told(
    run: Run, mirror: MemoryMirror, library: Ledger
):
    mirror.refuses[record_id("t")] = "Too long"
    library.traces.finish(trace("t"), mirror=True)
    assert run()[0] == 1
    code, document, _ = run()
    assert (code, document["dead"], document["sent"]) == (1, 1, 0)
    assert document["refused"] == [{"kind": "trace", "id": "t", "reason": "Too long"}]
    mirror.refuses.clear()
    code, document, _ = run("--resend")
    assert (code, document["dead"], document["sent"], document["resent"]) == (0, 0, 1, 1)


def test_sync_ends_with_1_where_the_key_is_rejected_and_with_0_in_an_outage(
    run: Run, mirror: MemoryMirror, library: Ledger
):
    library.traces.finish(trace("t"), mirror=True)
    mirror.failing = lambda *_: KEY
    code, document, _ = run()
    assert (code, document["status"], document["pending"]) == (1, "paused", 1)
    assert document["detail"] == "Comet rejects the key. Check COMET_API_KEY."
    mirror.failing = lambda *_: DOWN
    code, document, _ = run()
    assert (code, document["status"], document["pending"]) == (0, "waiting", 1)
    mirror.failing = lambda *_: None
    code, document, _ = run()
    assert (code, document["status"], document["pending"]) == (0, "idle", 0)


def test_sync_puts_in_the_traces_of_a_period(run: Run, mirror: MemoryMirror, library: Ledger):
    for day in range(4):
        library.traces.finish(trace(f"t{day}", started_at=START + timedelta(days=day)), mirror=False)
    code, document, _ = run("--since", "2026-11-25", "--until", "2026-11-27")
    assert (code, document["back_filled"], document["sent"]) == (0, 2, 2)
    assert set(mirror.records) == {record_id("t1"), record_id("t2")}
    assert run("--since", "2026-11-25", "--until", "2026-11-20")[0] == 2
    assert "--until" in run("--until", "tomorrow")[2]


def test_reading_back_from_a_day_on_sends_nothing_from_before_the_key(run: Run, mirror: MemoryMirror, library: Ledger):
    library.traces.finish(trace("early", started_at=START), mirror=False)
    mirror.pages = [[mirrored(1)]]
    code, document, _ = run("--read-back", "--since", "2020-01-01")
    assert (code, document["back_filled"], document["read_back"]["records"]) == (0, None, 1)
    assert mirror.records == {}


def mirrored(number: int) -> MirroredTrace:
    return MirroredTrace(f"{number:032x}", None, f"record {number}", "", START + timedelta(hours=number), cost_usd=0.5)


def test_sync_reads_back_in_pages_and_forgets_what_is_gone(run: Run, mirror: MemoryMirror, library: Ledger):
    library.mirrored.put([mirrored(99)])
    mirror.pages = [[mirrored(2), mirrored(1)], [mirrored(0)]]
    code, document, _ = run("--read-back")
    assert (code, document["read_back"]) == (0, {"state": "done", "records": 3, "detail": ""})
    assert library.mirrored.count() == 3


def test_reading_back_begins_anew_where_the_mirror_fails_and_says_when_it_gives_up(
    run: Run, mirror: MemoryMirror, library: Ledger
):
    mirror.pages = [[mirrored(2), mirrored(1)], [mirrored(0)]]
    left = [2]

    def failing(call: str, concerned: tuple[str, ...]) -> Fault | None:
        if call == "read_back" and mirrored(0).record_id in concerned and left[0]:
            left[0] -= 1
            return DOWN
        return None

    mirror.failing = failing
    code, document, _ = run("--read-back")
    assert (code, document["read_back"]["records"], library.mirrored.count()) == (0, 3, 3)
    left[0] = 99
    code, document, _ = run("--read-back")
    assert (code, document["read_back"]["state"]) == (1, "failed")
    assert document["read_back"]["detail"] == "Comet refuses the connection"


def test_a_reading_that_fails_half_way_forgets_nothing(run: Run, mirror: MemoryMirror, library: Ledger):
    library.mirrored.put([mirrored(99), mirrored(2)])
    mirror.pages = [[mirrored(2), mirrored(1)], [mirrored(0)]]
    mirror.failing = lambda call, about: DOWN if call == "read_back" and mirrored(0).record_id in about else None
    code, document, _ = run("--read-back")
    assert (code, document["read_back"]["state"]) == (1, "failed")
    assert library.mirrored.count() == 3


def test_what_is_read_back_can_begin_at_a_time(run: Run, mirror: MemoryMirror, library: Ledger):
    mirror.pages = [[mirrored(2), mirrored(1)], [mirrored(0)]]
    assert run("--read-back", "--since", "2026-11-24T09:00")[1]["read_back"]["records"] == 2


def test_status_prints_how_the_delivery_stands(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], library: Ledger
):
    library.traces.finish(trace("t"), mirror=True)
    with pytest.raises(SystemExit):
        cli.main(["status", "--json"])
    document = json.loads(capsys.readouterr().out)
    [comet] = [service for service in document["services"] if service["name"] == "Comet"]
    assert comet["ok"] is None
    assert comet["detail"].startswith("0 delivered, 1 pending for")
