"""The landing page: what is in the library, whether everything works, and what to ask first."""

import streamlit as st

from core.ui import budgeting, delivery, ingesting, landing, sample
from core.ui.components import still_starting
from core.ui.frame import inside_home
from core.ui.resources import get_services

inside_home()
services = get_services()
st.title("Ask your videos")
st.markdown("Answers from what was said, and the second of the video where it was said.")
still_starting(services)
sample.notice(services)
budgeting.warn(services)
stats = services.stats()
if stats.videos == 0:
    ingesting.empty_library(services, "Your library is empty")
else:
    ingesting.show_progress(services)
    landing.figures(stats)
    landing.demo_notice(services, stats)

left, right = st.columns([3, 2], gap="large")
with left:
    if stats.videos:
        st.subheader("Try asking", anchor=False)
        landing.suggested_questions(services, opens_ask=True)
    st.subheader("Next steps", anchor=False)
    landing.next_steps(services, stats)
with right:
    delivery.panel(services)
    st.subheader("Services", anchor=False)
    landing.health(services)
