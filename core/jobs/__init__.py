"""Processes of their own: ``python -m core.jobs.<name>``."""
