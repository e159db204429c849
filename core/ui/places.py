"""Where the pages' files are, so that a link names a page and not a path."""

from pathlib import Path

_PAGES = Path(__file__).parents[2] / "pages"

HOME = _PAGES / "home.py"
SEARCH = _PAGES / "search.py"
ASK = _PAGES / "ask.py"
LIBRARY = _PAGES / "library.py"
TRACES = _PAGES / "traces.py"
COST = _PAGES / "cost.py"
LAB = _PAGES / "lab.py"
DRIFT = _PAGES / "drift.py"
LOGO = Path(__file__).parent / "assets" / "cuepoint.svg"
ICON = Path(__file__).parent / "assets" / "icon.svg"
