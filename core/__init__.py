"""Cuepoint's core: the journey from a video to a cited answer, free of Streamlit and of vendor SDKs."""
