"""Cuepoint's core: the journey from a video to a cited answer, free of Streamlit and of vendor SDKs."""

import os

# Before the first import of NumPy. Its two threads wait for each other by spinning: on two cores that others use too, a
# product of 15,000 rows takes four times the processor time, and a whole search twice, of one thread.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
