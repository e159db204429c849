"""Home.py stands around every page: navigation, theme, one place for errors."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager


def inside_home() -> None:
    """Runs the page again with Home.py around it, if it is not; the first line of every page.

    Streamlit takes a folder named ``pages`` for its older kind of app until the first ``st.navigation`` of the process,
    and runs a file of it alone when that is the first address that somebody opens after a start.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
