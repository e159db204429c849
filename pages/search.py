"""Search: passages of the library, by meaning and by words. The address holds query and filters."""

import streamlit as st

from core.ui.components import empty_state, nothing_found, still_starting
from core.ui.frame import inside_home
from core.ui.ingesting import empty_library
from core.ui.resources import get_services
from core.ui.searching import query_from_widgets, show_result

inside_home()
services = get_services()
st.title("Search")
still_starting(services)
query = query_from_widgets(services.channels())

if services.stats().videos == 0:
    empty_library(services, "There is nothing to search yet")
elif not query.text:
    empty_state("search", "Search what was said", "Type a question or a few words. Each result plays from its second.")
else:
    with st.spinner("Searching…", show_time=False):
        result = services.retriever.retrieve(query)
    if result.passages:
        show_result(result, services.transcript)
    else:
        nothing_found(result)
