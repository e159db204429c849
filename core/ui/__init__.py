"""The only floor that imports Streamlit: what the pages show, and how."""
