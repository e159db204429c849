"""Entry of the dashboard: `streamlit run Home.py`. Navigation, and the frame around every page."""

from typing import Literal

import streamlit as st

from core.ui import places
from core.ui.errors import guard, show_pending_error

st.logo(str(places.LOGO), size="large")
page = st.navigation(
    [
        st.Page(places.HOME, title="Home", icon=":material/home:", default=True,
                help="What is in the library, whether everything works, and what to ask first."),
        st.Page(places.SEARCH, title="Search", icon=":material/search:", url_path="search",
                help="Finds passages by meaning and by words, and plays each from its second."),
        st.Page(places.ASK, title="Ask", icon=":material/forum:", url_path="ask",
                help="Answers a question from the library; every claim names the second where it was said."),
        st.Page(places.LIBRARY, title="Library", icon=":material/video_library:", url_path="library",
                help="Add videos and transcript files, see what is there, remove what is not wanted."),
        st.Page(places.TRACES, title="Traces", icon=":material/timeline:", url_path="traces",
                help="Every question with its steps, prompt, passages, answer and cost."),
        st.Page(places.LAB, title="Prompt Lab", icon=":material/science:", url_path="lab",
                help="Which template, model and temperature is better; the registry of prompts and the test sets."),
        st.Page(places.DRIFT, title="Drift", icon=":material/monitoring:", url_path="drift",
                help="Whether the traffic has changed, in which columns, and what that did to the answers."),
        st.Page(places.COST, title="Cost", icon=":material/payments:", url_path="cost",
                help="What questions cost by day, model, kind, template and person, beside what Comet has."),
    ],
    position="top",
)  # fmt: skip
# One call: of two, a browser may keep either layout. The icon is a file: one named ":material/…:" would be fetched from
# Google by every browser.
layout: Literal["centered", "wide"] = "centered" if page.url_path == "ask" else "wide"
st.set_page_config(page_title="Cuepoint", page_icon=str(places.ICON), layout=layout)
show_pending_error()
with guard():
    page.run()
