"""Library: add videos and transcript files, see what is there, remove what is not wanted."""

import streamlit as st

from core.ui import ingesting, landing, shelves, versions
from core.ui.components import empty_state
from core.ui.frame import inside_home
from core.ui.resources import get_services

inside_home()
services = get_services()
st.title("Library")
ingesting.form(services)
ingesting.show_progress(services)

videos = services.videos()
if videos:
    st.subheader("In the library", anchor=False)
    landing.demo_notice(services, services.stats())
    shelves.show(services, videos)
else:
    empty_state("video_library", "Nothing here yet", "Add a YouTube address or a transcript file above.")
versions.show(services)
