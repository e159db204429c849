"""Delivery to Comet on Home and Traces."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core.answering import AskRequest
from core.errors import LibraryLocked
from core.mirror.service import Delivery, Mirroring
from core.ui import refused
from tests.fakes.mirroring import FakeMirroring
from tests.fakes.services import FakeServices
from tests.pages.conftest import OpenPage, words

DOCUMENT = json.dumps({"id": "0" * 32, "tags": ["cuepoint"]}, indent=2)
HOSTILE = "No ![x](http://evil.invalid/i.png) <b>loud</b> [go](javascript:alert(1))\n# head"


@pytest.fixture
def mirroring(services: FakeServices) -> FakeMirroring:
    services.mirroring.enabled = True
    services.mirroring.state = replace(services.mirroring.state, delivered=12)
    return services.mirroring


def open_list(open_page: OpenPage) -> AppTest:
    """The Traces page with the list of what was refused opened."""
    app = open_page("traces")
    app.session_state["refused"] = True
    return app.run()


def open_letter(open_page: OpenPage, mirroring: FakeMirroring, number: int = 0) -> AppTest:
    app = open_list(open_page)
    app.session_state["refused-opened"] = mirroring.letters[number]
    return app.run()


def send(app: AppTest) -> AppTest:
    """A click on "Send again". The test runner forgets at each run what is open; a browser does not."""
    app.session_state["refused"] = True
    return app.button(key="letter-send-trace").click().run()


def raw(app: AppTest) -> str:
    """All Markdown as the page has it, escapes included."""
    return "\n".join(element.value for kind in (app.markdown, app.caption) for element in kind)


@pytest.mark.parametrize("name", ["home", "traces"])
def test_without_a_key_there_is_no_panel(open_page: OpenPage, name: str) -> None:
    app = open_page(name)
    assert "elivered" not in words(app)
    assert "Send earlier traces" not in {area.label for area in app.get("popover")}


def test_without_a_key_traces_says_in_a_line_what_would_switch_it_on(open_page: OpenPage) -> None:
    assert "COMET_API_KEY" in words(open_page("traces"))


def test_home_shows_the_four_numbers(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    mirroring.state = replace(mirroring.state, status="sending", pending=3, oldest_pending_s=14.0)
    app = open_page("home")
    table = next(table.value for table in app.table if "Delivered" in table.value.index)
    assert table.iloc[:, 0].to_dict() == {"Delivered": "12", "Waiting": "3", "Oldest waiting": "14 s", "Refused": "0"}
    assert "On the way to Comet" in words(app)


@pytest.mark.parametrize("name", ["home", "traces"])
def test_a_rejected_key_says_why_and_is_tried_again_by_a_click(
    open_page: OpenPage, mirroring: FakeMirroring, name: str
) -> None:
    mirroring.state = replace(mirroring.state, status="paused", detail=HOSTILE, pending=2, oldest_pending_s=90.0)
    app = open_page(name)
    assert "Paused: Comet refuses the key or the project" in words(app)
    assert "No ![x](http://evil.invalid/i.png) <b>loud</b> [go](javascript:alert(1)) # head" in words(app)
    assert "[x](" not in raw(app)
    assert "<b>" not in raw(app)
    app.button(key="delivery-again").click().run()
    assert mirroring.resumed == 1
    assert "Paused" not in words(app)


@pytest.mark.parametrize("name", ["home", "traces"])
def test_a_try_that_fails_says_so(
    open_page: OpenPage, mirroring: FakeMirroring, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def locked() -> None:
        raise LibraryLocked("Another process writes to the ledger", hint="Wait.")

    mirroring.state = replace(mirroring.state, status="paused")
    monkeypatch.setattr(mirroring, "resume", locked)
    app = open_page(name)
    app.button(key="delivery-again").click().run()
    assert "Another process writes to the ledger. Wait." in words(app)
    assert not app.exception


def test_an_outage_says_when_the_next_try_is(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    mirroring.state = replace(
        mirroring.state, status="waiting", detail="No answer within 10 s", pending=1, next_try_s=41.0
    )
    said = words(open_page("home"))
    assert "Waiting: Comet does not answer, next try in 41 s" in said.replace("**", "")
    assert "No answer within 10 s" in said


def test_home_leads_to_what_was_refused(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    assert not any("refused" in link.label for link in open_page("home").page_link)
    mirroring.refuse("trace-1", "Too long")
    assert any("refused" in link.label for link in open_page("home").page_link)


def test_what_was_refused_is_a_list_with_reason_and_attempts(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    mirroring.refuse("trace-1", HOSTILE, title="What is\nan embedding?")
    mirroring.refuse("trace-1", "Too long", kind="feedback")
    rows = open_list(open_page).dataframe[0].value
    assert rows["What"].tolist() == ["Answer", "Thumb"]
    assert rows["Which"].tolist() == ["What is an embedding?", "trace-1"]
    assert rows["Reason"].tolist()[0] == HOSTILE.replace("\n", " ")
    assert rows["Attempts"].tolist() == [1, 1]


def test_ten_thousand_refused_records_are_read_a_page_at_a_time(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    for number in range(10_000):
        mirroring.refuse(f"trace-{number}", "Too long")
    app = open_list(open_page)
    assert app.dataframe[0].value["Which"].tolist()[0] == "trace-0"
    app.session_state["refused-page"] = 200
    app.run()
    assert app.dataframe[0].value["Which"].tolist()[-1] == "trace-9999"
    assert max(limit for limit, _ in mirroring.pages_read) == refused.PAGE_SIZE


def test_a_closed_list_is_not_read(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    mirroring.refuse("trace-1", "Too long")
    open_page("traces")
    assert mirroring.pages_read == []


def test_a_record_is_mended_and_sent_again(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    mirroring.refuse("trace-1", HOSTILE, title=HOSTILE, document=DOCUMENT)
    app = open_letter(open_page, mirroring)
    assert app.text_area[0].value == DOCUMENT
    assert "<b>" not in raw(app)
    app.text_area[0].set_value('{"id": "mended"}')
    send(app)
    assert mirroring.sent_again == [("trace", "trace-1", '{"id": "mended"}')]
    assert [toast.value for toast in app.toast] == ["It is sent again."]
    assert not app.text_area


def test_a_record_that_was_not_changed_is_sent_again_as_it_is(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    mirroring.refuse("trace-1", "Too long", document=DOCUMENT)
    send(open_letter(open_page, mirroring))
    assert mirroring.sent_again == [("trace", "trace-1", None)]


def test_what_is_no_json_is_not_sent_and_stays_in_the_editor(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    mirroring.refuse("trace-1", "Too long", document=DOCUMENT)
    app = open_letter(open_page, mirroring)
    app.text_area[0].set_value("{")
    send(app)
    assert "This is no JSON" in words(app)
    assert app.text_area[0].value == "{"
    assert mirroring.sent_again == []


def test_a_record_of_five_megabytes_is_shown_cut_with_a_download(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    mirroring.refuse("trace-1", "Too large", document=json.dumps({"text": "x" * 5_000_000}))
    app = open_letter(open_page, mirroring)
    assert not app.text_area
    assert len(app.code[0].value) < 10_000
    assert app.get("download_button")
    send(app)
    assert mirroring.sent_again == [("trace", "trace-1", None)]


def test_a_large_record_comes_back_mended(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    mirroring.refuse("trace-1", "Too large", document=json.dumps({"text": "x" * 5_000_000}))
    app = open_letter(open_page, mirroring)
    app.file_uploader[0].upload("record.json", '{"text": "short"}'.encode("utf-8-sig"), "application/json")
    send(app)
    assert mirroring.sent_again == [("trace", "trace-1", '{"text": "short"}')]


def test_a_large_record_that_comes_back_as_no_text_is_one_sentence(
    open_page: OpenPage, mirroring: FakeMirroring
) -> None:
    mirroring.refuse("trace-1", "Too large", document=json.dumps({"text": "x" * 5_000_000}))
    app = open_letter(open_page, mirroring)
    app.file_uploader[0].upload("record.json", b"\xff\xfe\xff", "application/json")
    send(app)
    assert "record.json is not UTF-8 text" in words(app)
    assert mirroring.sent_again == []
    assert not app.exception


def test_a_record_that_is_gone_is_one_sentence(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    mirroring.refuse("trace-1", "Too long")
    mirroring.documents.clear()
    app = open_letter(open_page, mirroring)
    assert "The outbox holds no trace trace-1" in words(app)
    assert not app.exception


def test_all_are_sent_again_by_one_click(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    for number in range(3):
        mirroring.refuse(f"trace-{number}", "Too long")
    app = open_list(open_page)
    app.button(key="refused-all").click().run()
    assert mirroring.letters == []
    assert [toast.value for toast in app.toast] == ["3 records will be sent again."]
    assert "3 refused" not in words(app)


def test_earlier_traces_are_counted_before_they_are_sent(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    now = datetime.now(UTC)
    mirroring.earlier = [now - timedelta(days=days) for days in (0, 3, 400)]
    app = open_page("traces")
    app.session_state["earlier"] = True
    app.run()
    assert app.button(key="earlier-send").label == "Send 2 traces"
    app.date_input(key="earlier-period").set_value(((now - timedelta(days=500)).date(), now.date())).run()
    assert app.button(key="earlier-send").label == "Send 3 traces"
    assert len(mirroring.earlier) == 3
    app.button(key="earlier-send").click().run()
    assert mirroring.earlier == []
    assert [toast.value for toast in app.toast] == ["3 traces will be sent."]


def test_a_time_without_earlier_traces_offers_nothing_to_send(open_page: OpenPage, mirroring: FakeMirroring) -> None:
    app = open_page("traces")
    app.session_state["earlier"] = True
    app.run()
    assert "Nothing is left to send from this time" in words(app)
    assert not [button for button in app.button if button.key == "earlier-send"]


def test_one_trace_says_whether_it_has_arrived(
    open_page: OpenPage, services: FakeServices, mirroring: FakeMirroring
) -> None:
    services.answering.start(AskRequest(question="What is an embedding?"))
    assert "Not in Comet" in words(open_page("traces", trace="trace-1"))
    mirroring.deliveries["trace-1"] = Delivery("sent", "The trace was delivered to Comet 3 min ago.")
    app = open_page("traces", trace="trace-1")
    assert "The trace was delivered to Comet 3 min ago." in words(app)
    assert not app.text_area


def test_one_trace_that_was_refused_is_mended_where_it_is(
    open_page: OpenPage, services: FakeServices, mirroring: FakeMirroring
) -> None:
    services.answering.start(AskRequest(question="What is an embedding?"))
    mirroring.refuse("trace-1", "Its trace was refused", kind="feedback", document='{"value": 1, "texts": {}}')
    mirroring.refuse("trace-1", HOSTILE, document=DOCUMENT)
    app = open_page("traces", trace="trace-1")
    assert "The trace was refused: No ![x](http://evil.invalid/i.png)" in words(app)
    assert "[x](" not in raw(app)
    assert [area.value for area in app.text_area] == ['{"value": 1, "texts": {}}', DOCUMENT]
    app.button(key="letter-send-trace").click().run()
    assert mirroring.sent_again == [("trace", "trace-1", None)]
    assert [toast.value for toast in app.toast] == ["It is sent again."]


def test_what_the_pages_call_is_called_as_the_real_one_wants_it() -> None:
    names = [name for name, member in vars(FakeMirroring).items() if inspect.isfunction(member) and name[0] != "_"]
    shared = [name for name in names if hasattr(Mirroring, name)]
    assert len(shared) >= 10
    for name in shared:
        real, fake = (inspect.signature(getattr(owner, name)).parameters for owner in (Mirroring, FakeMirroring))
        assert [*real] == [*fake], name
        assert [p.default for p in real.values()] == [p.default for p in fake.values()], name
