"""Drift: whether the traffic has changed, in which columns, and what that did to the answers."""

import streamlit as st

from core.ui import drifting, sample
from core.ui.frame import inside_home
from core.ui.resources import get_services

inside_home()
services = get_services()
st.title("Drift")
sample.choose(services)
drifting.show(services)
