"""Ask: a question, an answer with citations, and the second where each thing was said."""

import streamlit as st

from core.ui import conversation
from core.ui.components import still_starting
from core.ui.frame import inside_home
from core.ui.ingesting import empty_library
from core.ui.landing import suggested_questions
from core.ui.resources import get_services

inside_home()
services = get_services()
state = conversation.current(services)
turns = conversation.turns(services, state)

st.title("Ask")
still_starting(services)
for number, turn in enumerate(turns, start=1):
    conversation.show_turn(services, state, turn, last=number == len(turns))

if services.stats().videos == 0:
    empty_library(services, "There is nothing to ask yet")
elif not turns:
    st.markdown("Every claim in an answer points to the second of the video where it was said.")
    suggested_questions(services)
conversation.controls(services, state)
