"""Everything that Streamlit caches, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.config import load_settings
from core.services import build_services

if TYPE_CHECKING:
    from core.models import ServiceHealth
    from core.services import Services


@st.cache_resource(show_spinner="Opening the library…")
def get_services() -> Services:
    """One set per process. Raises SettingsError or LibraryError; a failure is not kept: a reload retries."""
    return build_services(load_settings())


@st.cache_data(ttl=5, show_spinner=False)
def get_health() -> list[ServiceHealth]:
    """The health of each service, asked at most every five seconds however many tabs are open."""
    return list(get_services().health())
