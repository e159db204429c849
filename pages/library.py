"""Library: add videos and transcript files, see what is there, remove what is not wanted."""

import streamlit as st

from core.ui import ingesting, landing, shelves
from core.ui.components import empty_state
from core.ui.frame import inside_home
from core.ui.resources import get_services

inside_home()
services = get_services()
st.title("Library")
ingesting.form(services)
ingesting.show_progress(services)

videos = services.videos()
if not videos:
    empty_state("video_library", "Nothing here yet", "Add a YouTube address or a transcript file above.")
    st.stop()

stats = services.stats()
st.subheader("In the library", anchor=False)
landing.demo_notice(services, stats)
chosen = shelves.pick(videos)
if not chosen:
    st.caption("Mark a row to read its transcript or to remove it.")
    st.stop()
shelves.remove_selected(services, chosen)
if len(chosen) == 1:
    shelves.show_transcript(services.transcript(chosen[0].video.video_id))
