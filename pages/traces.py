"""Traces: every question with its steps, prompt, passages, answer and cost."""

import streamlit as st

from core.ui import delivery, sample, trace_data, tracing
from core.ui.components import empty_state
from core.ui.frame import inside_home
from core.ui.resources import get_services

inside_home()
services = get_services()
st.title("Traces")
wanted = st.query_params.get(tracing.ADDRESS)
if wanted:
    tracing.show_trace(services, services.traces.get(wanted))
    st.stop()

delivery.overview(services)
where = tracing.filter_from_widgets(sample=sample.choose(services))
found = services.traces.list(where)
if not found:
    empty_state("timeline", "No trace here", "Each question leaves one. Ask something, or widen the filters.")
    st.stop()
if chosen := tracing.show_table(found, services.traces.count(where)):
    st.query_params[tracing.ADDRESS] = chosen
    st.rerun()
trace_data.show(services, where)
