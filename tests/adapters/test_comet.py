"""Records and thumbs on their way to Comet: the real comet_llm over HTTP to a fake server that fails in every way."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.adapters import comet_records, comet_session
from core.adapters.comet import CometMirror
from core.adapters.comet_access import DEFAULT_URL, access_of, project_name
from core.errors import MirrorError, MirrorKeyRejected, MirrorRefused, MirrorUnreachable, SettingsError
from core.mirror.records import trace_record
from core.models import AnswerStatus, MirrorRecord, MirrorThumb
from core.ports import Mirror
from tests.adapters.comet_bench import HASTY_S, comet_settings, failure, opened, timeout_for
from tests.fakes import comet_server
from tests.fakes.comet_server import KEY, FakeComet, Fault, Faults
from tests.fakes.comet_state import Experiment
from tests.fakes.comet_wire import Answer, json_answer
from tests.ledger.samples import trace

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("comet_imported")
SLACK_S = 5.0
"""For a busy machine; what these servers do would last ten times as long, or for ever."""
SECRET_QUESTION = "Where is the treasure buried?"


def record(n: int, **changes: Any) -> MirrorRecord:
    return trace_record(trace(f"{n:08x}-ac96-774b-bcce-b302099a8057", question=SECRET_QUESTION, **changes))


def records(count: int) -> list[MirrorRecord]:
    return [record(n) for n in range(count)]


def held(fake: FakeComet, one: MirrorRecord) -> Experiment:
    return fake.experiments[one.id]


# ------------------------------------------------------------------------------------------------------ being there


def test_it_is_a_mirror(mirror: CometMirror) -> None:
    as_mirror: Mirror = mirror
    assert as_mirror.check() == f"team/traces at {mirror.place.rpartition(' ')[2]}"


@pytest.mark.parametrize("key", [None, "", "   "])
def test_without_a_key_there_is_no_mirror(key: str | None) -> None:
    assert CometMirror.from_settings(comet_settings("", comet_api_key=key)) is None


def test_a_mirror_of_settings_imports_nothing_of_comet_until_it_is_used() -> None:
    program = (
        "import sys; from core.adapters.comet import CometMirror; from core.config import Settings\n"
        "assert CometMirror.from_settings(Settings(_env_file=None, comet_api_key='k')) is not None\n"
        "print(sorted({'comet_ml', 'comet_llm'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_comets_packages_are_kept_from_logging_what_nobody_asked_for(mirror: CometMirror) -> None:
    import comet_llm.config  # noqa: PLC0415 - after quiet_comet
    import comet_ml  # noqa: PLC0415

    assert not comet_llm.config.autologging_enabled()
    config = comet_ml.get_config()
    assert config.get_bool(None, "comet.error_tracking.enable") is False
    assert config.get_int(None, "comet.http_session.retry_total") == 0


def test_check_without_a_workspace_names_that_of_the_key(fake: FakeComet) -> None:
    with opened(fake.url, comet_workspace=None) as mirror:
        assert mirror.check().startswith("team/traces at 127.0.0.1:")


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        (None, "cuepoint"),
        ("", "cuepoint"),
        (" / ", "cuepoint"),
        ("..", "cuepoint"),
        ("team/answers", "team-answers"),
        ("a\\b?c#d%e", "a-b-c-d-e"),
        ("tab\there\0", "tab-here"),
        ("\ud800x", "x"),
        ("Ümläut 2.0_b", "Ümläut 2.0_b"),
        ("x" * 500, "x" * 100),
    ],
)
def test_a_projects_name_is_cleaned(name: str | None, cleaned: str) -> None:
    assert project_name(name) == cleaned


def test_a_project_with_slashes_takes_records(fake: FakeComet) -> None:
    with opened(fake.url, comet_project_name="a/b\n/../c") as mirror:
        assert mirror.send([record(1)]) == [None]
    assert held(fake, record(1)).project == "a-b-..-c"


@pytest.mark.parametrize(
    ("key", "override", "url"),
    [
        ("k", None, DEFAULT_URL),
        ("k", "http://comet.local:8080", "http://comet.local:8080/clientlib/"),
        ("k", "http://comet.local/own/clientlib", "http://comet.local/own/clientlib/"),
        ("k*eyJiYXNlVXJsIjogImh0dHBzOi8vb3duLmV4YW1wbGUifQ", None, "https://own.example/clientlib/"),
        ("k*eyJiYXNlVXJsIjogImh0dHBzOi8vb3duLmV4YW1wbGUifQ", "http://other", "http://other/clientlib/"),
        ("k*no base64!", None, DEFAULT_URL),
    ],
)
def test_the_address_is_that_of_the_settings_or_else_that_in_the_key(key: str, override: str | None, url: str) -> None:
    access = access_of(comet_settings("", comet_api_key=key, comet_url_override=override))
    assert access is not None
    assert access.url == url


@pytest.mark.parametrize(
    "url",
    ["http://[", "http://", "nonsense", "comet.local/clientlib/", "ftp://comet.local/", "http://comet.local:99999/"],
)
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(SettingsError, match="COMET_URL_OVERRIDE is no address"):
        access_of(comet_settings(url))


@pytest.mark.parametrize("url", ["http://user:pass@comet.local/clientlib/", "https://user:pass@comet.local"])
def test_no_text_of_the_access_holds_key_or_password(url: str) -> None:
    access = access_of(comet_settings(url))
    assert access is not None
    assert KEY not in repr(access)
    assert "pass" not in access.place


# ---------------------------------------------------------------------------------------------------------- sending


def test_a_record_arrives_as_comet_llms_own_client_would_write_it(fake: FakeComet, mirror: CometMirror) -> None:
    one = record(1)
    assert mirror.send([one]) == [None]
    ours = held(fake, one)
    other = "f" * 32
    mirror._client._opened().log_chain(
        other,
        dict(one.chain),
        workspace="team",
        project="traces",
        parameters=dict(one.parameters),
        metrics=dict(one.metrics),
        tags=list(one.tags),
        others={"Created from": "cuepoint", "Name": SECRET_QUESTION},
    )
    theirs = fake.experiments[other]
    for part in ("workspace", "project", "kind", "parameters", "others", "tags", "start_ms", "end_ms"):
        assert getattr(ours, part) == getattr(theirs, part), part
    values = [{name: [write.value for write in writes] for name, writes in e.metrics.items()} for e in (ours, theirs)]
    assert values[0] == values[1]
    assert [(a.name, a.kind, a.data) for a in ours.assets.values()] == [
        (a.name, a.kind, a.data) for a in theirs.assets.values()
    ]
    assert json.loads(ours.assets["comet_llm_data.json"].data) == one.chain


def test_fifty_records_are_one_request_and_over_thirty_go_in_a_second(fake: FakeComet, mirror: CometMirror) -> None:
    many = records(200)
    begin = time.perf_counter()
    outcomes = [outcome for start in range(0, 200, 50) for outcome in mirror.send(many[start : start + 50])]
    assert time.perf_counter() - begin < 200 / 30
    assert outcomes == [None] * 200
    assert fake.counts["/api/rest/v2/write/experiment/llm"] == 4
    assert len(fake.experiments) == 200


def test_no_records_are_no_request(fake: FakeComet, mirror: CometMirror) -> None:
    assert mirror.send([]) == []
    assert fake.requests == []


@pytest.mark.parametrize("status", [400, 403, 404])
def test_one_record_that_is_refused_does_not_keep_the_others(fake: FakeComet, mirror: CometMirror, status: int) -> None:
    many = records(5)
    fake.rejected[many[2].id] = status
    outcomes = mirror.send(many)
    assert [outcome is None for outcome in outcomes] == [True, True, False, True, True]
    assert isinstance(outcomes[2], MirrorRefused)
    assert outcomes[2].subject == many[2].id
    assert len(fake.experiments) == 4


@pytest.mark.parametrize(("status", "unsure"), [(429, False), (500, True), (503, True)])
def test_one_record_that_is_to_be_tried_again_does_not_keep_the_others(
    fake: FakeComet, mirror: CometMirror, status: int, unsure: bool
) -> None:
    many = records(3)
    fake.rejected[many[0].id] = status
    outcomes = mirror.send(many)
    assert isinstance(outcomes[0], MirrorUnreachable)
    assert outcomes[0].unsure is unsure
    assert outcomes[1:] == [None, None]


UNSURE, SURE = True, False
WHOLE: dict[str, tuple[type[MirrorError], bool | None, bool]] = {
    "refuse": (MirrorUnreachable, UNSURE, False),
    "400": (MirrorRefused, None, False),
    "401": (MirrorKeyRejected, None, False),
    "403": (MirrorKeyRejected, None, False),
    "429": (MirrorUnreachable, SURE, False),
    "500": (MirrorUnreachable, UNSURE, False),
    "503": (MirrorUnreachable, UNSURE, False),
    "hang": (MirrorUnreachable, UNSURE, False),
    "trickle": (MirrorUnreachable, UNSURE, True),
    "cut": (MirrorUnreachable, UNSURE, True),
    "commit-hang": (MirrorUnreachable, UNSURE, True),
    "commit-refuse": (MirrorUnreachable, UNSURE, True),
    "commit-500": (MirrorUnreachable, UNSURE, True),
    "html": (MirrorUnreachable, UNSURE, False),
    "empty": (MirrorUnreachable, UNSURE, False),
}
"""Fault -> what is raised, whether it says that the record may have arrived, and whether it did."""


def outcome_of(mirror: CometMirror, one: MirrorRecord) -> MirrorError | None:
    try:
        [outcome] = mirror.send([one])
    except MirrorError as error:
        return error
    return outcome


@pytest.mark.parametrize("fault", WHOLE)
def test_each_way_to_fail_is_told_apart_and_never_called_sure_where_the_record_arrived(
    fake: FakeComet, fault: str
) -> None:
    kind, unsure, arrived = WHOLE[fault]
    with opened(fake.url, comet_timeout_s=timeout_for(fault)) as mirror:
        fake.faults = Faults(None, fault)  # the first request greets the server
        begin = time.perf_counter()
        error = outcome_of(mirror, record(1))
        assert time.perf_counter() - begin < 3 * HASTY_S + SLACK_S
        assert type(error) is kind
        assert getattr(error, "unsure", None) is unsure
        assert (record(1).id in fake.experiments) is arrived
        assert KEY not in str(error)
        assert SECRET_QUESTION not in str(error)
        fake.faults = None
        assert outcome_of(mirror, record(2)) is None  # the connection is usable again


def test_every_fault_of_the_fake_server_is_tried() -> None:
    assert set(comet_server.FAULTS) - set(WHOLE) == {"reject", "reject-403"}


def test_too_many_requests_tell_how_long_to_wait(fake: FakeComet, mirror: CometMirror) -> None:
    fake.faults = Faults("429")
    error = failure(lambda: mirror.send([record(1)]))
    assert isinstance(error, MirrorUnreachable)
    assert error.retry_after_s == 1.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("12.5", 12.5),
        ("99999999", 3600.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_any_form_of_the_wait_is_understood_or_left_out(
    fake: FakeComet, mirror: CometMirror, header: str, seconds: float | None
) -> None:
    answer = replace(json_answer({"msg": "slow down"}, 429), headers={"Retry-After": header})
    fake.faults = Faults(Fault("429", answer))
    error = failure(lambda: mirror.send([record(1)]))
    assert isinstance(error, MirrorUnreachable)
    assert error.retry_after_s == seconds


def test_a_server_that_refuses_the_connection_surely_took_nothing(fake: FakeComet, mirror: CometMirror) -> None:
    fake.pause_listening()
    try:
        error = failure(lambda: mirror.send(records(3)))
    finally:
        fake.resume_listening()
    assert isinstance(error, MirrorUnreachable)
    assert not error.unsure
    assert "cannot be reached" in str(error)


def test_an_address_that_leads_nowhere_surely_took_nothing() -> None:
    with opened("http://comet.invalid/clientlib/") as mirror:
        error = failure(lambda: mirror.send([record(1)]))
    assert isinstance(error, MirrorUnreachable)
    assert not error.unsure


@pytest.mark.parametrize("key", ["wrong", "ключ", "a\nb", "x" * 5000])
def test_a_key_that_is_none_is_rejected_and_not_told(fake: FakeComet, key: str) -> None:
    with opened(fake.url, comet_api_key=key) as mirror:
        error = failure(lambda: mirror.send([record(1)]))
    assert type(error) is MirrorKeyRejected
    assert key not in str(error)
    assert "COMET_API_KEY" in str(error)


def test_a_workspace_without_rights_is_named(fake: FakeComet) -> None:
    fake.forbidden.add("others")
    with opened(fake.url, comet_workspace="others") as mirror:
        for act in (mirror.check, lambda: mirror.send(records(2)), lambda: mirror.send([record(1)])):
            error = failure(act)
            assert type(error) is MirrorKeyRejected
            assert "others/traces" in str(error)


@pytest.mark.parametrize("count", [1, 2])
def test_a_project_of_experiments_stops_the_sending_and_is_named(
    fake: FakeComet, mirror: CometMirror, count: int
) -> None:
    fake.put_experiment("e" * 32, project="traces", kind="normal")
    error = failure(lambda: mirror.send(records(count)))
    assert type(error) is MirrorKeyRejected
    assert "traces" in str(error)
    assert "COMET_PROJECT_NAME" in str(error)


def test_a_server_older_than_records_is_named(fake: FakeComet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comet_server, "VERSION", "3.20.1")
    with opened(fake.url) as mirror:
        error = failure(lambda: mirror.send([record(1)]))
    assert isinstance(error, MirrorUnreachable)
    assert not error.unsure
    assert "3.20.1" in str(error)


def test_a_server_that_fails_while_it_is_greeted_surely_took_nothing(fake: FakeComet) -> None:
    for fault in ("html", "hang", "cut", "500", "empty"):
        fake.faults = Faults(fault)
        with opened(fake.url, comet_timeout_s=timeout_for(fault)) as mirror:
            error = failure(lambda: mirror.send([record(1)]))
        assert isinstance(error, MirrorUnreachable), fault
        assert not error.unsure, fault


@pytest.mark.parametrize(
    "content",
    [[], "x", None, 3, {}, {"a" * 32: 3}, {"status": 200}],
    ids=["list", "text", "null", "number", "empty", "number inside", "another form"],
)
def test_an_answer_of_another_form_leaves_it_open_whether_the_record_arrived(
    fake: FakeComet, mirror: CometMirror, content: Any
) -> None:
    fake.faults = Faults(Fault("odd", json_answer(content)))
    error = outcome_of(mirror, record(1))
    assert isinstance(error, MirrorUnreachable)
    assert error.unsure


@pytest.mark.parametrize("inner", [None, [], {"status": "200"}, {"content": {}}])
def test_an_odd_answer_for_one_record_leaves_only_that_one_open(
    fake: FakeComet, mirror: CometMirror, inner: Any
) -> None:
    many = records(2)
    fake.faults = Faults(Fault("odd", json_answer({many[0].id: inner, many[1].id: {"status": 200}})))
    first, second = mirror.send(many)
    assert isinstance(first, MirrorUnreachable)
    assert first.unsure
    assert second is None


def test_what_the_server_says_is_told_on_one_line_without_the_key(fake: FakeComet, mirror: CometMirror) -> None:
    said = f"bad\nkey {KEY} " + "x" * 5000
    fake.faults = Faults(Fault("400", json_answer({"msg": said, "sdk_error_code": 1}, 400)))
    error = outcome_of(mirror, record(1))
    assert type(error) is MirrorRefused
    assert "bad key …" in str(error)
    assert len(str(error)) < 250


@pytest.mark.parametrize("status", [400, 403, 404, 405, 418])
def test_a_refusal_that_is_not_comets_is_neither_one_of_the_record_nor_one_of_the_key(
    fake: FakeComet, mirror: CometMirror, status: int
) -> None:
    """A firewall before Comet may dislike one text. So the drainer must be able to look for the row that it is."""
    fake.faults = Faults(Fault("proxy", Answer(b"<html>nginx</html>", status, "text/html")))
    error = outcome_of(mirror, record(1))
    assert isinstance(error, MirrorUnreachable)
    assert error.unsure
    assert f"not Comet's (status {status})" in str(error)


def test_no_part_of_the_key_is_told_where_the_server_hides_it_far_away(fake: FakeComet, mirror: CometMirror) -> None:
    said = "no" + " " * (480 - 2 - len(KEY) // 2) + KEY
    fake.faults = Faults(Fault("400", json_answer({"msg": said, "sdk_error_code": 1}, 400)))
    assert KEY[:6] not in str(outcome_of(mirror, record(1)))


@pytest.mark.parametrize("module", ["comet_llm.experiment_api", "comet_ml.config"])
def test_a_package_that_cannot_be_imported_is_said_and_not_laid_to_comets_charge(
    fake: FakeComet, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with opened(fake.url) as mirror:
        error = failure(lambda: mirror.check() and list(mirror.read_back(None)))
    assert isinstance(error, MirrorUnreachable)
    assert not error.unsure
    assert "packages cannot be imported (ModuleNotFoundError)" in str(error)


# ------------------------------------------------------------------------------------------------- large and halved


def test_a_record_that_is_too_large_is_refused_and_its_neighbours_arrive(fake: FakeComet, mirror: CometMirror) -> None:
    many = records(7)
    many[3] = record(3, prompt=({"role": "user", "content": "word " * 20_000},))
    fake.largest = 60_000
    outcomes = mirror.send(many)
    assert [type(outcome) for outcome in outcomes] == [type(None)] * 3 + [MirrorRefused] + [type(None)] * 3
    assert "too large" in str(outcomes[3])
    assert len(fake.experiments) == 6


def test_a_batch_that_is_refused_as_a_whole_is_halved(fake: FakeComet, mirror: CometMirror) -> None:
    fake.faults = Faults("400")
    assert mirror.send(records(4)) == [None] * 4
    assert fake.counts["/api/rest/v2/write/experiment/llm"] == 3


def test_an_outage_after_the_first_half_stands_at_the_records_of_the_second(
    fake: FakeComet, mirror: CometMirror
) -> None:
    fake.faults = Faults("400", None, "500")
    first, *rest = mirror.send(records(4)[:3])
    assert first is None
    assert all(isinstance(error, MirrorUnreachable) and error.unsure for error in rest)


def test_more_than_fits_one_request_goes_in_several(
    fake: FakeComet, mirror: CometMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comet_records, "MOST_REQUEST_BYTES", 20_000)
    assert mirror.send(records(12)) == [None] * 12
    assert 1 < fake.counts["/api/rest/v2/write/experiment/llm"] < 12
    fake.faults = Faults(None, "401")
    outcomes = mirror.send([record(n) for n in range(20, 32)])
    assert outcomes[0] is None
    assert isinstance(outcomes[-1], MirrorKeyRejected)


# ------------------------------------------------------------------------------------------------- within the time


class Peer:
    """A server of one connection that says these pieces with a pause after each, and reads no more than a greeting."""

    def __init__(self, pieces: Sequence[bytes], *, pause_s: float = 0.1) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._pieces, self._pause_s = pieces, pause_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}/clientlib/"

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        try:
            connection, _ = self._listening.accept()
            with connection:
                connection.recv(65536)
                for piece in self._pieces:
                    connection.sendall(piece)
                    self._stop.wait(self._pause_s)
                self._stop.wait(10)
        except OSError:
            return


HEADER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [bytes([byte]) for byte in HEADER],
        [HEADER, b"Content-Length: 1000\r\n\r\n", *[b" "] * 1000],
        [HEADER, b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 1000],
        [HEADER, b"Connection: close\r\n\r\n", *[b" "] * 1000],
        [HEADER, *[b"X-More: yes\r\n"] * 90],
    ],
    ids=["header by bytes", "body by bytes", "chunks", "body without a length", "endless header"],
)
def test_a_server_that_trickles_holds_a_call_no_longer_than_three_times_the_time_out(pieces: list[bytes]) -> None:
    with Peer(pieces) as url, opened(url, comet_timeout_s=HASTY_S) as mirror:
        begin = time.perf_counter()
        error = failure(mirror.check)
        took = time.perf_counter() - begin
    assert isinstance(error, MirrorUnreachable)
    assert took < 3 * HASTY_S + SLACK_S


def test_a_server_that_does_not_read_holds_a_call_no_longer_either() -> None:
    greeting = b'{"version": "3.62.300"}'
    answer = [HEADER + b"Content-Length: %d\r\n\r\n" % len(greeting) + greeting]
    huge = [record(n, prompt=({"role": "user", "content": "word " * 20_000},)) for n in range(60)]
    with Peer(answer) as url, opened(url, comet_timeout_s=HASTY_S) as mirror:
        begin = time.perf_counter()
        error = failure(lambda: mirror.send(huge))
        took = time.perf_counter() - begin
    assert isinstance(error, MirrorUnreachable)
    assert error.unsure
    assert took < 3 * HASTY_S + SLACK_S


def test_an_answer_without_an_end_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comet_session, "MOST_ANSWER_BYTES", 100_000)
    with Peer([HEADER + b"\r\n", *[b" " * 60_000] * 50], pause_s=0.0) as url, opened(url) as mirror:
        error = failure(mirror.check)
    assert isinstance(error, MirrorUnreachable)


# ---------------------------------------------------------------------------------------------------------- holding


def test_a_record_is_there_once_it_was_sent(fake: FakeComet, mirror: CometMirror) -> None:
    assert not mirror.holds(record(1).id)
    mirror.send([record(1)])
    assert mirror.holds(record(1).id)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(b"<html>404</html>", 404, "text/html"), MirrorUnreachable),
        (json_answer({"msg": "no", "sdk_error_code": 90212}, 400), MirrorKeyRejected),
        (json_answer({"msg": "no", "sdk_error_code": 34323}, 400), MirrorRefused),
        (json_answer({"msg": "no"}, 403), MirrorKeyRejected),
        (json_answer({"msg": "no"}, 500), MirrorUnreachable),
        (json_answer({"experimentKey": "another"}), MirrorUnreachable),
        (json_answer([]), MirrorUnreachable),
        (Answer(b""), MirrorUnreachable),
    ],
)
def test_a_question_that_failed_is_no_answer(
    fake: FakeComet, mirror: CometMirror, answer: Answer, kind: type[MirrorError]
) -> None:
    fake.faults = Faults(Fault("odd", answer))
    assert type(failure(lambda: mirror.holds(record(1).id))) is kind


# --------------------------------------------------------------------------------------------------------- replacing


def written(fake: FakeComet, name: str, one: MirrorRecord) -> list[Any]:
    return [write.value for write in held(fake, one).metrics.get(name, [])]


def test_replacing_writes_what_differs_and_takes_away_what_is_no_more(fake: FakeComet, mirror: CometMirror) -> None:
    lost = record(1, answer_changes={"status": AnswerStatus.ABANDONED, "cost_usd": None, "text": ""}, error="lost")
    mirror.send([lost])
    held(fake, lost).tag(["reviewed"])
    fake.counts.clear()
    now = record(1, error=None)
    mirror.replace(now)
    after = held(fake, now)
    assert after.parameters == now.parameters
    assert set(after.tags) == {*now.tags, "reviewed"}
    assert written(fake, "cost_usd", now) == [0.00125]
    assert written(fake, "chain_duration", now) == [905.25]
    assert json.loads(after.assets["comet_llm_data.json"].data) == now.chain
    assert after.created == 1
    assert fake.counts["/api/rest/v2/write/experiment/parameter"] == 2


def test_replacing_again_writes_the_asset_and_nothing_else(fake: FakeComet, mirror: CometMirror) -> None:
    mirror.send([record(1)])
    before = held(fake, record(1)).metrics.copy()
    fake.counts.clear()
    mirror.replace(record(1))
    assert held(fake, record(1)).metrics == before
    assert [path for path in fake.counts if "write" in path] == ["/api/rest/v2/write/experiment/upload-asset"]


# ---------------------------------------------------------------------------------------------------------- feedback


@pytest.mark.parametrize(("value", "raw", "shown"), [(1, [1], [1]), (-1, [-1], [0]), (0, [0], [])])
def test_a_thumb_is_a_raw_metric_and_comets_own(
    fake: FakeComet, mirror: CometMirror, value: int, raw: list[int], shown: list[int]
) -> None:
    mirror.send([record(1)])
    mirror.send_thumb(MirrorThumb(record(1).id, value, {"comment": "so \ufffd so"}), unsure=False)
    assert written(fake, "feedback", record(1)) == raw
    assert written(fake, "user_feedback", record(1)) == shown
    assert held(fake, record(1)).others["feedback_comment"] == "so \ufffd so"
    assert "feedback_reason" not in held(fake, record(1)).others


def test_a_thumb_that_may_have_arrived_is_looked_up_and_not_doubled(fake: FakeComet, mirror: CometMirror) -> None:
    thumb = MirrorThumb(record(1).id, 1, {"comment": "good", "reason": "clear"})
    mirror.send([record(1)])
    mirror.send_thumb(thumb, unsure=False)
    mirror.send_thumb(thumb, unsure=True)
    assert written(fake, "feedback", record(1)) == written(fake, "user_feedback", record(1)) == [1]


def test_a_changed_thumb_adds_its_value_and_blanks_the_words_that_are_gone(
    fake: FakeComet, mirror: CometMirror
) -> None:
    mirror.send([record(1)])
    mirror.send_thumb(MirrorThumb(record(1).id, 1, {"comment": "good", "reason": "clear"}), unsure=False)
    mirror.send_thumb(MirrorThumb(record(1).id, -1, {"comment": "bad"}), unsure=True)
    assert written(fake, "feedback", record(1)) == [1, -1]
    assert written(fake, "user_feedback", record(1)) == [1, 0]
    others = held(fake, record(1)).others
    assert (others["feedback_comment"], others["feedback_reason"]) == ("bad", "")


@pytest.mark.parametrize("fault", ["429", "400", "401", "500", "commit-500", "hang", "commit-refuse"])
def test_a_thumb_of_which_a_part_arrived_is_unsure_whatever_failed_and_is_completed_later(
    fake: FakeComet, mirror: CometMirror, fault: str
) -> None:
    thumb = MirrorThumb(record(1).id, -1, {"comment": "bad"})
    mirror.send([record(1)])
    with opened(fake.url, comet_timeout_s=timeout_for(fault)) as other:
        fake.faults = Faults().script("write/experiment/metric", None, fault)
        error = failure(lambda: other.send_thumb(thumb, unsure=False))
    assert isinstance(error, MirrorUnreachable)
    assert error.unsure
    mirror.send_thumb(thumb, unsure=True)
    assert written(fake, "feedback", record(1)) == [-1]
    assert written(fake, "user_feedback", record(1)) == [0]
    assert held(fake, record(1)).others["feedback_comment"] == "bad"


def test_an_outage_while_an_unsure_thumb_is_looked_up_leaves_it_unsure(fake: FakeComet, mirror: CometMirror) -> None:
    mirror.send([record(1)])
    fake.faults = Faults("429")
    error = failure(lambda: mirror.send_thumb(MirrorThumb(record(1).id, 1, {}), unsure=True))
    assert isinstance(error, MirrorUnreachable)
    assert error.unsure


def test_a_thumb_of_a_record_that_comet_does_not_hold_is_refused(fake: FakeComet, mirror: CometMirror) -> None:
    error = failure(lambda: mirror.send_thumb(MirrorThumb("a" * 32, 1, {}), unsure=False))
    assert type(error) is MirrorRefused
    assert error.subject == "a" * 32
