"""Cost: what was spent, by day, model, kind, template and person; what it will be; what it would be elsewhere."""

import streamlit as st

from core.ui import budgeting, cost_view, costing, forecasting, pricing, sample, supposing
from core.ui.errors import guard
from core.ui.frame import inside_home
from core.ui.resources import get_services

inside_home()
TABS = {
    "Spending": costing.show,
    "Forecast": forecasting.show,
    "What if": supposing.show,
    "Prices": pricing.show,
    "Budgets": budgeting.show,
}
services = get_services()
cost_view.open_what_was_asked_for()
st.title("Cost")
sample.choose(services)
budgeting.warn(services)
for tab, show in zip(st.tabs(list(TABS), key="cost-tab", bind="query-params"), TABS.values(), strict=True):
    if tab.open:
        with tab, guard():
            show(services)
