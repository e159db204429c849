"""Where the pages' files are, so that a link names a page and not a path.

The folder is not called `pages`: Streamlit would run a file of a folder of that name without Home.py around it, when it
is the first address that somebody opens after a start.
"""

from pathlib import Path

_PAGES = Path(__file__).parents[2] / "app_pages"

HOME = _PAGES / "home.py"
SEARCH = _PAGES / "search.py"
ASK = _PAGES / "ask.py"
LIBRARY = _PAGES / "library.py"
TRACES = _PAGES / "traces.py"
LOGO = Path(__file__).parent / "assets" / "cuepoint.svg"
