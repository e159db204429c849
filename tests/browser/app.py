"""The app over fake services, for the browser: `streamlit run tests/browser/app.py`."""

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from core.demo import demo_transcripts  # noqa: E402
from core.ui import resources  # noqa: E402
from tests.fakes.services import FakeServices, talk  # noqa: E402

LINES = [
    "Sourdough needs patience and warm water.",
    "The dough should rest for three hours before you shape it.",
    "A wet dough is harder to shape but the crumb is open.",
    "Bake the bread with steam for twenty minutes.",
] * 8


def build(settings: object) -> FakeServices:
    del settings
    services = FakeServices(
        [*demo_transcripts(), talk("dQw4w9WgXcQ", "How to bake sourdough bread", LINES, channel="Bread lab")]
    )
    services.answering.words_per_look = 6
    return services


resources.build_services = build
runpy.run_path(str(ROOT / "Home.py"), run_name="__main__")
