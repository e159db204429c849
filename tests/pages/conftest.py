"""Every page over fake services, run by Streamlit's own test runner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.ui import resources
from tests.fakes.services import FakeServices

ROOT = Path(__file__).parents[2]
OpenPage = Callable[..., AppTest]


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


@pytest.fixture
def open_page(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """open_page("ask", answer="trace-1") is what a browser does with /ask?answer=trace-1."""
    monkeypatch.setattr(resources, "build_services", lambda settings: services)

    def open_page(name: str = "home", **address: str | list[str]) -> AppTest:
        app = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=60)
        if name != "home":
            app.switch_page(f"pages/{name}.py")
        for key, value in address.items():
            app.query_params[key] = value
        return app.run()

    return open_page


def words(app: AppTest) -> str:
    """Everything that the page says, with the escapes of Markdown taken out."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.error, app.warning, app.info)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "").replace("\u2060", "")
