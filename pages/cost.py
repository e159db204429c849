"""Cost: what was spent by day, model, kind, template and person; the ledger, Comet, or both compared."""

import streamlit as st

from core.ui import cost_view, costing
from core.ui.frame import inside_home
from core.ui.resources import get_services

inside_home()
services = get_services()
cost_view.open_what_was_asked_for()
st.title("Cost")
costing.show(services, cost_view.choose())
