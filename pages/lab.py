"""Prompt Lab: which template, model and temperature is better; the registry of prompts and the test sets."""

import streamlit as st

from core.ui import lab_cases, lab_results, lab_runs, lab_templates, sample
from core.ui.errors import guard
from core.ui.frame import inside_home
from core.ui.resources import get_services

inside_home()
TABS = {
    "Templates": lab_templates.show,
    "Test sets": lab_cases.show,
    "Experiments": lab_runs.show,
    "Results": lab_results.show,
}
services = get_services()
st.title("Prompt Lab")
sample.notice(services)
first = "Results" if lab_results.ADDRESS in st.query_params else None
for tab, show in zip(st.tabs(list(TABS), default=first, key="lab-tab", on_change="rerun"), TABS.values(), strict=True):
    if tab.open:
        with tab, guard():
            show(services)
