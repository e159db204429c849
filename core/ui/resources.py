"""Everything that Streamlit caches, in one place."""

from __future__ import annotations

import streamlit as st

from core.config import load_settings
from core.services import Services, build_services


@st.cache_resource(show_spinner="Opening the library…")
def get_services() -> Services:
    """One set per process. Raises SettingsError or LibraryError; a failure is not kept: a reload retries."""
    services = build_services(load_settings())
    services.open_app()
    return services
