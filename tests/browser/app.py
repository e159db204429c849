"""The app over fake services, for the browser: `streamlit run tests/browser/app.py`."""

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from core.config import Settings  # noqa: E402
from core.demo import demo_transcripts  # noqa: E402
from core.models import VideoKind  # noqa: E402
from core.ui import resources  # noqa: E402
from tests.fakes.services import FakeServices, talk  # noqa: E402

BREAD = [
    "Sourdough needs patience and warm water.",
    "The dough should rest for three hours before you shape it.",
    "A wet dough is harder to shape but the crumb is open.",
    "Bake the bread with steam for twenty minutes.",
]
HOSTILE = (
    "zeitgeist ![x](http://evil.invalid/i.png) <b>loud</b> [go](javascript:alert(1)) :tada: $x^2$ :material/bolt: "
    "www.evil.invalid https://evil.invalid a@evil.invalid :red[y] `code` | a | b |"
)


def fake_services(settings: Settings) -> FakeServices:
    """Answers grow by ten words at each look, so that a browser can see them grow."""
    del settings
    bread = talk("dQw4w9WgXcQ", "How to bake sourdough bread", BREAD * 8, channel="Bread lab")
    hostile = talk("hostile", HOSTILE, ["# zeitgeist", HOSTILE, "- zeitgeist"], kind=VideoKind.FILE, channel=HOSTILE)
    services = FakeServices([*demo_transcripts(), bread, hostile])
    services.answering.words_per_look = 10
    services.mirroring.enabled = True
    services.mirroring.refuse("trace-0", HOSTILE, title=HOSTILE)
    return services


resources.build_services = fake_services  # type: ignore[assignment]
runpy.run_path(str(ROOT / "Home.py"), run_name="__main__")
