"""Versions of the data: the library, logged traces, feedback, each content-addressed."""
